"""Cases in one item: every one of them is run, and each that fails is named."""

from __future__ import annotations

import pytest

from tests.cases import cases

pytest_plugins = ["pytester"]


def test_every_case_is_run_and_failures_are_named(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from tests.cases import cases

        class TestThem:
            @cases("n", [1, 2, 3, 4], ids="n is {}".format)
            def test_even(self, n, tmp_path):
                assert tmp_path.exists()
                assert n % 2 == 0

        seen = []

        @cases("word", ["a", "b"])
        @cases(("low", "high"), [(1, 2), (3, 4)])
        def test_cross(word, low, high):
            seen.append((word, low, high))

        def test_all_of_them_ran():
            assert seen == [("a", 1, 2), ("a", 3, 4), ("b", 1, 2), ("b", 3, 4)]
        """
    )
    result = pytester.runpytest_inprocess("-v", "-p", "no:cacheprovider")
    result.stdout.fnmatch_lines(["*test_even*n is 1*", "*test_even*n is 3*"])
    failed = result.stdout.str().split("short test summary")[1]
    assert "n is 1" in failed
    assert "n is 2" not in failed
    assert result.ret == 1
    result.assert_outcomes(passed=2, failed=3)


def test_marks_of_a_case_are_refused() -> None:
    with pytest.raises(AssertionError, match="use parametrize"):
        cases("n", [pytest.param(1, marks=pytest.mark.slow)])
