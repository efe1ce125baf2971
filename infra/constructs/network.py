"""The network that functions and workers run in: the VPC that is given, or for workers alone one of their own."""

from aws_cdk import aws_ec2 as ec2
from constructs import Construct, IDependable

from infra.nag import acknowledge
from rollcall.pipeline.deployment_settings import Deployment

NO_FLOW_LOGS = (
    "Workers listen to nothing; the API, where it stands here, is reached by its load balancer alone and logs each"
    " request; what tasks ask of AWS is CloudTrail's to record."
)


class GivenNetwork(Construct):
    public = False  # subnets are private, with a NAT or endpoints

    def __init__(self, scope: Construct, construct_id: str, *, deployment: Deployment) -> None:
        super().__init__(scope, construct_id)
        assert deployment.vpc_id is not None
        self.vpc = ec2.Vpc.from_vpc_attributes(
            self,
            "vpc",
            vpc_id=deployment.vpc_id,
            # functions are placed by subnet; a look-up of the zones would need an account at synthesis
            availability_zones=[f"zone-{number}" for number, _ in enumerate(deployment.subnet_ids)],
            private_subnet_ids=list(deployment.subnet_ids),
        )
        self.subnets = ec2.SubnetSelection(
            subnets=[ec2.Subnet.from_subnet_id(self, subnet, subnet) for subnet in deployment.subnet_ids]
        )
        self.security_group = _outward(self, "functions", self.vpc)
        self.ways_out: tuple[IDependable, ...] = ()


class PublicNetwork(Construct):
    """Two public subnets: a NAT or endpoints for each service would cost tens of dollars a month while nothing runs.

    Tasks have addresses of their own, and a security group that lets nothing in.
    """

    public = True

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.vpc = ec2.Vpc(
            self,
            "vpc",
            max_azs=2,
            nat_gateways=0,
            subnet_configuration=[
                ec2.SubnetConfiguration(name="tasks", subnet_type=ec2.SubnetType.PUBLIC, map_public_ip_on_launch=False)
            ],
            # these two cost nothing, and most bytes go to S3
            gateway_endpoints={
                "s3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3),
                "dynamodb": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.DYNAMODB),
            },
            restrict_default_security_group=False,  # by a custom resource with a function of its own; nobody uses it
        )
        acknowledge(self.vpc, "AwsSolutions-VPC7", NO_FLOW_LOGS)
        self.subnets = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC)
        self.security_group = _outward(self, "workers", self.vpc)
        # Tasks that start before the routes are there cannot fetch their image. The VPC's own
        # `internet_connectivity_established` is the gateway alone: its subnets' are the routes.
        self.ways_out: tuple[IDependable, ...] = tuple(
            subnet.internet_connectivity_established for subnet in self.vpc.public_subnets
        )


def _outward(scope: Construct, construct_id: str, vpc: ec2.IVpc) -> ec2.SecurityGroup:
    group = ec2.SecurityGroup(
        scope,
        construct_id,
        vpc=vpc,
        description=f"Rollcall {construct_id}: nothing comes in, HTTPS to AWS goes out",
        allow_all_outbound=False,
    )
    group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.HTTPS, "AWS")
    return group
