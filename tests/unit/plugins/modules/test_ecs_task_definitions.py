from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import reconcile
from ansible_collections.graviflow.airflow.plugins.module_utils.task_definitions import plan
from ansible_collections.graviflow.airflow.plugins.modules.ecs_task_definitions import (
    ARGUMENT_SPEC,
    TaskDefinitionsApi,
    told,
)

DEFINITION = {"cpu": "256", "containerDefinitions": [{"name": "crunch", "image": "python:3"}]}


def families(stub, *names, status="ACTIVE"):
    # They come in pages, even with nothing on the first one.
    asked = {"familyPrefix": "demo_", "status": status}
    stub.add_response("list_task_definition_families", {"families": [], "nextToken": "n"}, asked)
    stub.add_response("list_task_definition_families", {"families": list(names)}, {**asked, "nextToken": "n"})


def newest(stub, revision, **changes):
    definition = {**DEFINITION, "taskDefinitionArn": f"arn:crunch:{revision}", "revision": revision, **changes}
    stub.add_response(
        "describe_task_definition",
        {"taskDefinition": definition, "tags": [{"key": "t", "value": "1"}]},
        {"taskDefinition": "demo_crunch", "include": ["TAGS"]},
    )


def run(client, check_mode=False, **options):
    defaults = {name: spec.get("default") for name, spec in ARGUMENT_SPEC.items()}
    declared = {**defaults, "prefix": "demo_", "tags": {"t": "1"}, **options}
    api = TaskDefinitionsApi(client, declared)
    return told(reconcile(api, lambda current: plan(declared, current), check_mode=check_mode, wait=False))


def test_registers_what_differs_and_retires_the_old_one(stubbed):
    client, stub = stubbed("ecs")
    families(stub, "demo_crunch")
    newest(stub, 1, cpu="512")
    stub.add_response(
        "register_task_definition",
        {},
        {"family": "demo_crunch", **DEFINITION, "tags": [{"key": "t", "value": "1"}]},
    )
    stub.add_response("deregister_task_definition", {}, {"taskDefinition": "arn:crunch:1"})
    families(stub, "demo_crunch")
    newest(stub, 2)
    result = run(client, task_definitions={"crunch": DEFINITION})
    assert [(diff["before"]["cpu"], diff["after"]["cpu"]) for diff in result["diff"]] == [("512", "256")]


def test_present_is_left_alone(stubbed):
    client, stub = stubbed("ecs")
    families(stub, "demo_crunch")
    newest(stub, 7)
    result = run(client, task_definitions={"crunch": DEFINITION})
    assert (result["changed"], result["diff"]) == (False, [])


def test_check_mode_on_an_empty_account(stubbed):
    client, stub = stubbed("ecs")
    families(stub)
    [diff] = run(client, check_mode=True, task_definitions={"crunch": DEFINITION})["diff"]
    assert (diff["before"], diff["after"]["image"]) == ({}, "python:3")


def test_absent_deletes_every_revision(stubbed):
    client, stub = stubbed("ecs")

    def revisions(active, inactive):
        for status, arns in (("ACTIVE", active), ("INACTIVE", inactive)):
            asked = {"familyPrefix": "demo_crunch", "status": status}
            stub.add_response("list_task_definitions", {"taskDefinitionArns": arns}, asked)

    families(stub, "demo_crunch", status="ALL")
    revisions(["arn:crunch:2"], ["arn:crunch:1"])
    stub.add_response("deregister_task_definition", {}, {"taskDefinition": "arn:crunch:2"})
    stub.add_response("delete_task_definitions", {}, {"taskDefinitions": ["arn:crunch:2", "arn:crunch:1"]})
    families(stub, "demo_crunch", status="ALL")
    revisions([], [])
    assert run(client, state="absent")["task_definition_set"] == {}
