"""The VPC that functions run in, when one is given."""

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from infra.settings import Deployment


class Network(Construct):
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
        self.security_group = ec2.SecurityGroup(
            self,
            "functions",
            vpc=self.vpc,
            description="Rollcall's functions: nothing comes in, HTTPS to AWS goes out",
            allow_all_outbound=False,
        )
        self.security_group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.HTTPS, "AWS")
