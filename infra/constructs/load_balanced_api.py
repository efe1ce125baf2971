"""The HTTP API as containers on Fargate behind a load balancer: by HTTPS for the world, or for its own VPC alone."""

from aws_cdk import Aws, Duration
from aws_cdk import aws_certificatemanager as certificates
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as balancing
from constructs import Construct

from infra.constructs.fargate import NO_INSIGHTS, fargate_task
from infra.constructs.images import Images
from infra.constructs.network import GivenNetwork, PublicNetwork
from infra.constructs.permissions import build_task_role
from infra.nag import acknowledge
from rollcall.pipeline.deployment_settings import Deployment
from rollcall.pipeline.description import Api

ENTRY_POINT = ("/usr/bin/python3", "-m", "functions.api")
PORT = 8000
HEALTH = "/healthz"
STOP_SECONDS = 60  # photos that wait to be kept are written then
BUSY_PERCENT = 60  # of the CPU: another task takes a minute to start
PRIVATE_RANGES = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")

NO_ACCESS_LOGS = "The application logs every request by its route; access logs would keep the names that paths hold."
OPEN_TO_ALL = "It is asked by anybody, by HTTPS alone, and answers nobody without an API key."


class LoadBalancedApi(Construct):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        api: Api,
        deployment: Deployment,
        images: Images,
        network: GivenNetwork | PublicNetwork,
    ) -> None:
        super().__init__(scope, construct_id)
        self._api = api
        self._deployment = deployment
        self._images = images
        self._network = network
        self.service = self._service()
        self._balancer = balancing.ApplicationLoadBalancer(
            self,
            "balancer",
            vpc=network.vpc,
            vpc_subnets=network.subnets,
            internet_facing=self._open,
            security_group=ec2.SecurityGroup(
                self, "door", vpc=network.vpc, description="Rollcall API: who may ask", allow_all_outbound=False
            ),
            drop_invalid_header_fields=True,
        )
        acknowledge(self._balancer, "AwsSolutions-ELB2", NO_ACCESS_LOGS)
        self._targets = self._listen()
        self._scale()
        self.balancer_name = self._balancer.load_balancer_dns_name
        # the certificate is for the domain, and for no name of the load balancer's own
        self.url = (
            f"http://{self.balancer_name}" if deployment.api_domain is None else f"https://{deployment.api_domain}"
        )

    def failures(self, **options: object) -> cloudwatch.Metric:
        """Answers of the 5xx kind that the application gave."""
        return self._balancer.metrics.http_code_target(
            balancing.HttpCodeTarget.TARGET_5XX_COUNT,
            **options,  # type: ignore[arg-type]
        )

    def unanswered(self, **options: object) -> cloudwatch.Metric:
        """Answers of the 5xx kind that the load balancer gave itself, because no task answered."""
        return self._balancer.metrics.http_code_elb(
            balancing.HttpCodeElb.ELB_5XX_COUNT,
            **options,  # type: ignore[arg-type]
        )

    def healthy(self, **options: object) -> cloudwatch.Metric:
        """The number of tasks that pass the load balancer's health check."""
        return self._targets.metrics.healthy_host_count(**options)  # type: ignore[arg-type]

    @property
    def _open(self) -> bool:
        """Whether it is open to the world. In a given network it is not: the subnets there are private."""
        return self._network.public

    def _listen(self) -> balancing.ApplicationTargetGroup:
        arn = self._deployment.api_certificate_arn
        listener = self._balancer.add_listener(
            "listener",
            port=80 if arn is None else 443,
            protocol=balancing.ApplicationProtocol.HTTP if arn is None else balancing.ApplicationProtocol.HTTPS,
            certificates=[]
            if arn is None
            else [certificates.Certificate.from_certificate_arn(self, "certificate", arn)],
            ssl_policy=None if arn is None else balancing.SslPolicy.TLS13_RES,
            open=False,
        )
        if self._open:
            listener.connections.allow_default_port_from_any_ipv4("anybody, by HTTPS")
            acknowledge(self._balancer, "AwsSolutions-EC23", OPEN_TO_ALL)
            acknowledge(self.node.find_child("door"), "AwsSolutions-EC23", OPEN_TO_ALL)
        else:
            for addresses in PRIVATE_RANGES:
                listener.connections.allow_default_port_from(ec2.Peer.ipv4(addresses), "from inside the VPC")
        return listener.add_targets(
            "tasks",
            port=PORT,
            protocol=balancing.ApplicationProtocol.HTTP,
            targets=[self.service],
            deregistration_delay=Duration.seconds(30),
            health_check=balancing.HealthCheck(path=HEALTH, interval=Duration.seconds(15)),
        )

    def _service(self) -> ecs.FargateService:
        cluster = ecs.Cluster(
            self,
            "cluster",
            cluster_name=self._api.name,
            vpc=self._network.vpc,
            container_insights_v2=ecs.ContainerInsights.DISABLED,
        )
        acknowledge(cluster, "AwsSolutions-ECS4", NO_INSIGHTS)
        group = ec2.SecurityGroup(
            self,
            "tasks",
            vpc=self._network.vpc,
            description="Rollcall API: the load balancer comes in, HTTPS to AWS goes out",
            allow_all_outbound=False,
        )
        group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.HTTPS, "AWS")
        service = ecs.FargateService(
            self,
            "service",
            service_name=self._api.name,
            cluster=cluster,
            task_definition=self._task(),
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            health_check_grace_period=Duration.seconds(60),
            min_healthy_percent=100,
            max_healthy_percent=200,
            assign_public_ip=self._network.public,
            vpc_subnets=self._network.subnets,
            security_groups=[group],
            propagate_tags=ecs.PropagatedTagSource.SERVICE,
        )
        service.node.add_dependency(*self._network.ways_out)
        return service

    def _task(self) -> ecs.FargateTaskDefinition:
        api = self._api
        return fargate_task(
            self,
            api,
            images=self._images,
            role=build_task_role(
                self,
                "role",
                function=api,
                prefix=api.name.removesuffix(f"-{api.component}"),
                deployment=self._deployment,
            ),
            entry_point=ENTRY_POINT,
            command=("--host", "0.0.0.0", "--port", str(PORT)),
            environment=api.environment | {"AWS_DEFAULT_REGION": Aws.REGION},
            log_days=self._deployment.log_days,
            stop_seconds=STOP_SECONDS,
            ports=(PORT,),
        )

    def _scale(self) -> None:
        target = self.service.auto_scale_task_count(min_capacity=1, max_capacity=self._deployment.max_concurrency)
        target.scale_on_cpu_utilization("busy", target_utilization_percent=BUSY_PERCENT)
