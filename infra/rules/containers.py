"""Tasks on Fargate, their services, and what those have to wait for."""

from collections.abc import Iterator

from infra.rules.rule import Rule, Stack, rule

SERVICE = "AWS::ECS::Service"
TASK = "AWS::ECS::TaskDefinition"
PROVIDERS = "AWS::ECS::ClusterCapacityProviderAssociations"
ROUTE = "AWS::EC2::Route"
LONGEST_STOP = 120  # seconds
GB = 1024
# MB that can be had, by CPU units
SIZES = {
    256: (512, GB, 2 * GB),
    512: tuple(range(GB, 4 * GB + 1, GB)),
    1024: tuple(range(2 * GB, 8 * GB + 1, GB)),
    2048: tuple(range(4 * GB, 16 * GB + 1, GB)),
    4096: tuple(range(8 * GB, 30 * GB + 1, GB)),
    8192: tuple(range(16 * GB, 60 * GB + 1, 4 * GB)),
    16384: tuple(range(32 * GB, 120 * GB + 1, 8 * GB)),
}


@rule("AmazonECS/latest/developerguide/fargate-capacity-providers.html", SERVICE, PROVIDERS)
def capacity_providers_belong_to_the_services_cluster(stack: Stack) -> Iterator[str]:
    for name, service in stack.of(SERVICE):
        wanted = {entry["CapacityProvider"] for entry in service.get("CapacityProviderStrategy", [])}
        offered = {
            provider
            for _, association in stack.of(PROVIDERS)
            if association["Cluster"] == service["Cluster"]
            for provider in association["CapacityProviders"]
        }
        if wanted - offered:
            yield f"{name} asks for {', '.join(sorted(wanted - offered))}, which its cluster is not associated with"


@rule(
    "AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-clustercapacityproviderassociations.html",
    SERVICE,
    PROVIDERS,
)
def services_wait_for_their_capacity_providers(stack: Stack) -> Iterator[str]:
    """Services are deleted before their providers: a provider in use cannot be taken from its cluster."""
    for name, service in stack.of(SERVICE):
        needed = {other for other, each in stack.of(PROVIDERS) if each["Cluster"] == service["Cluster"]}
        if service.get("CapacityProviderStrategy") and not needed <= stack.waits_for(name):
            yield f"{name} does not depend on {', '.join(sorted(needed))}"


@rule("AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-service.html", SERVICE)
def services_have_a_launch_type_or_a_strategy(stack: Stack) -> Iterator[str]:
    for name, service in stack.of(SERVICE):
        if bool(service.get("CapacityProviderStrategy")) == bool(service.get("LaunchType")):
            yield f"{name} needs either LaunchType or CapacityProviderStrategy"


@rule("AWSCloudFormation/latest/UserGuide/aws-attribute-dependson.html", SERVICE, ROUTE)
def services_wait_for_their_way_out(stack: Stack) -> Iterator[str]:
    """Tasks with public addresses fetch their image by the internet gateway's routes."""
    routes = {name for name, route in stack.of(ROUTE) if "GatewayId" in route}
    for name, service in stack.of(SERVICE):
        network = service["NetworkConfiguration"]["AwsvpcConfiguration"]
        if network.get("AssignPublicIp") == "ENABLED" and not routes <= stack.waits_for(name):
            yield f"{name} does not depend on {', '.join(sorted(routes - stack.waits_for(name)))}"


@rule("AmazonECS/latest/developerguide/task-cpu-memory-error.html", TASK)
def tasks_are_of_a_size_that_fargate_sells(stack: Stack) -> Iterator[str]:
    for name, task in stack.of(TASK):
        if int(task["Memory"]) not in SIZES.get(int(task["Cpu"]), ()):
            yield f"{name} has {task['Cpu']} CPU units and {task['Memory']} MB"


@rule("AmazonECS/latest/developerguide/task_definition_parameters.html", TASK)
def tasks_are_what_fargate_runs(stack: Stack) -> Iterator[str]:
    for name, task in stack.of(TASK):
        if task.get("NetworkMode") != "awsvpc" or "FARGATE" not in task.get("RequiresCompatibilities", ()):
            yield f"{name} needs the network mode awsvpc and the compatibility FARGATE"
        for container in task["ContainerDefinitions"]:
            if container.get("StopTimeout", 0) > LONGEST_STOP:
                yield f"{name} has a StopTimeout of more than {LONGEST_STOP} seconds"
            if container.get("Privileged") or container.get("LinuxParameters", {}).get("Capabilities", {}).get("Add"):
                yield f"{name} asks for rights that Fargate gives to nobody"


RULES: tuple[Rule, ...] = (
    capacity_providers_belong_to_the_services_cluster,
    services_wait_for_their_capacity_providers,
    services_have_a_launch_type_or_a_strategy,
    services_wait_for_their_way_out,
    tasks_are_of_a_size_that_fargate_sells,
    tasks_are_what_fargate_runs,
)
