import numpy as np

from vslnb.study.changed_queries import TOP, changed_queries, draw_queries


def test_kinds_and_visible_changes_are_those_of_the_rule_query_by_query():
    before, after = np.random.default_rng(0).integers(0, 12, (2, 500))
    for visible in (False, True):
        found = changed_queries(before, after, visible)
        for query, (a, b) in enumerate(zip(before.tolist(), after.tolist())):
            kind = "hard" if a >= TOP or b >= TOP else "normal"
            crosses = (a < TOP) != (b < TOP) if kind == "hard" else (a == 0) != (b == 0)
            for name, sides in found.items():
                listed = name == kind and a != b and (crosses or not visible)
                assert (query in sides["better"]) == (listed and b < a), (query, a, b)
                assert (query in sides["worse"]) == (listed and b > a), (query, a, b)


def test_a_draw_has_the_proportion_of_the_queries_and_never_one_twice():
    found = {"better": np.arange(30), "worse": np.arange(100, 110)}
    drawn = draw_queries(found, 8, np.random.default_rng(1))
    assert [side for side, _ in drawn] == ["better"] * 6 + ["worse"] * 2
    assert len({query for _, query in drawn}) == 8 and all(query in found[side] for side, query in drawn)
    assert (
        draw_queries({"better": np.zeros(0, int), "worse": np.zeros(0, int)}, 2, np.random.default_rng(0))
        == []
    )
