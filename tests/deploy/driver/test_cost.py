"""The estimate: counted in the tree, every line its units times the list price."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway_lib import benchmark, deploy
from gateway_lib.deploy.cost import FREE, estimate
from gateway_lib.deploy.figures import cost_alt, cost_chart, diagram, diagram_alt
from gateway_lib.deploy.prices import read_prices
from gateway_lib.deploy.site import Site
from gateway_lib.deploy.templates import resources
from gateway_lib.errors import DeployError
from gateway_lib.settings import PROJECT_ROOT


def of(target: str, root: Path = PROJECT_ROOT, own: Path | None = None):
    return estimate(
        Site.of(target, {"AWS_REGION": "us-east-1"}, PROJECT_ROOT), read_prices(root, own)
    )


def line(made, group: str, resource: str):
    [found] = [x for x in made.lines if (x.group, x.resource) == (group, resource)]
    return found


def test_each_line_is_units_times_price():
    dev, prod = of("dev"), of("prod")
    capacity = line(dev, "database", "capacity")
    assert capacity.usd == pytest.approx(0.5 * 730 * 0.12)
    assert capacity.most_usd == pytest.approx(4 * 730 * 0.12)
    both = line(prod, "database", "capacity")  # writer and reader
    assert both.usd == pytest.approx(2 * 1 * 730 * 0.12)
    assert line(dev, "Redis", "nodes").usd == pytest.approx(0.016 * 730)
    assert line(prod, "Redis", "nodes").usd == pytest.approx(2 * 0.032 * 730)
    tasks = line(prod, "compute", "gateway vCPU")
    assert (tasks.usd, tasks.most_usd) == pytest.approx(
        (2 * 2 * 730 * 0.04048, 10 * 2 * 730 * 0.04048)
    )
    assert line(dev, "network", "NAT gateways").usd == pytest.approx(2 * 730 * 0.045)
    assert dev.usd == pytest.approx(sum(x.usd for x in dev.lines))
    assert dev.usd < prod.usd < prod.most_usd
    assert line(prod, "network", "endpoint bedrock-runtime").usd == pytest.approx(2 * 730 * 0.01)
    assert not [x for x in dev.lines if x.resource.startswith("endpoint")]


def test_nothing_of_the_tree_is_left_out():
    """Every type of the tree is priced, or is known to be free; a new one would say that it is not."""
    for target in ("dev", "prod"):
        made = of(target)
        assert made.unknown == []
        assert "not checked since" in made.notes[0]


def test_an_unknown_type_and_an_unknown_node_are_told(tmp_path):
    import shutil

    shutil.copytree(PROJECT_ROOT / "copilot", tmp_path / "copilot")
    addons = tmp_path / "copilot" / "environments" / "addons"
    (addons / "more.yml").write_text("Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n")
    redis = (addons / "redis.yml").read_text()
    (addons / "redis.yml").write_text(re.sub(r"cache\.t4g\.micro", "cache.r7g.large", redis))
    made = estimate(Site.of("dev", {"AWS_REGION": "eu-west-1"}, tmp_path), read_prices(tmp_path))
    assert sorted(made.unknown) == ["AWS::SQS::Queue", "nodes"]
    assert "the deployment is in eu-west-1, whose prices differ" in made.notes
    assert "without a price" in made.notes[-1]


def test_the_users_prices_are_laid_over_the_built_in_ones(tmp_path):
    own = tmp_path / "prices.yaml"
    own.write_text(
        "region: eu-west-1\nchecked: 2026-11-24\nprices: {nat_gateway_hour: 0.09}\n"
        "assumptions: {dev: {nat_gb: 0}}\n"
    )
    made = of("dev", own=own)
    assert line(made, "network", "NAT gateways").usd == pytest.approx(2 * 730 * 0.09)
    assert line(made, "network", "through NAT").usd == 0
    assert "list prices of eu-west-1" in made.notes[0] and "checked on 2026-11-24" in made.notes[0]
    (tmp_path / "config").mkdir()
    own.rename(tmp_path / "config" / "prices.yaml")
    assert read_prices(tmp_path).region == "eu-west-1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prices: {nat_gateway_hour: -1}", "prices.nat_gateway_hour.usd"),
        ("price: {}", "price: Extra inputs"),
        ("- a", "a mapping is needed"),
        ("a: [", "not valid YAML"),
    ],
)
def test_a_price_list_that_cannot_be_used_is_one_clear_line(tmp_path, text, said):
    own = tmp_path / "prices.yaml"
    own.write_text(text)
    with pytest.raises(DeployError, match=re.escape(said)) as raised:
        read_prices(tmp_path, own)
    assert "\n" not in str(raised.value)


def test_conditions_decide_which_resources_there_are():
    folder = PROJECT_ROOT / "copilot" / "environments" / "addons"
    kinds = {t: [r.kind for r in resources(folder, "app", t)] for t in ("dev", "prod")}
    assert kinds["dev"].count("AWS::RDS::DBInstance") == 1
    assert kinds["prod"].count("AWS::RDS::DBInstance") == 2
    assert "AWS::WAFv2::WebACLAssociation" in kinds["dev"]
    assert not any(kind.startswith(FREE) for kind in ("AWS::RDS::DBCluster", "AWS::KMS::Key"))


def test_pictures_have_words():
    both = [of("dev"), of("prod")]
    assert cost_chart(both).axes[0].get_title(loc="left")
    assert "prod $" in cost_alt(both) and "NAT" in diagram_alt("dev")
    for target in ("local", "prod"):
        assert diagram(target).axes
    with pytest.raises(ValueError, match="no estimate"):
        cost_chart([of("local")])


def test_a_benchmark_asks_for_a_months_costs_and_gets_none_where_there_is_no_tree(tmp_path):
    month = deploy.estimate_of("prod")
    assert month is not None and 0 < month.usd < month.most_usd
    assert benchmark.Fixed.of(month).source == "estimate of the deployment prod"
    assert deploy.estimate_of("prod", tmp_path) is None
