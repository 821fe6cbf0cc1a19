"""Prints `N passed, N failed` for one `bazel test`, in test cases.

usage: count_tests.py BUILD_EVENTS BAZEL_EXIT_CODE

It reads which targets ran from Bazel's build events, so that cached and sharded ones count and
leftovers of earlier runs do not. Exit code: 0 when something ran and nothing failed.
"""

import json
import sys
import urllib.parse
import xml.etree.ElementTree as ElementTree

NO_TESTS_FOUND = 4  # Bazel's exit code


def count_cases(path):
    """The passed and failed cases of one test.xml; a skipped or disabled case is neither."""
    passed = failed = 0
    for case in ElementTree.parse(path).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.find("skipped") is None and case.get("status") != "notrun":
            passed += 1
    return passed, failed


def count_result(result):
    """One run of one target. A target that failed has at least one failed case."""
    passed = failed = 0
    for output in result.get("testActionOutput", []):
        if output["name"] == "test.xml":
            try:
                passed, failed = count_cases(urllib.parse.urlparse(output["uri"]).path)
            except (OSError, ElementTree.ParseError):
                pass  # The test died before it could write it.
    if result["status"] == "PASSED":
        return passed or 1, failed
    return passed, failed or 1


def main():
    events_path, bazel_exit_code = sys.argv[1], int(sys.argv[2])
    with open(events_path, encoding="utf-8") as lines:
        events = [json.loads(line) for line in lines]

    passed = failed = 0
    for event in events:
        if "testResult" in event:
            case_passed, case_failed = count_result(event["testResult"])
            passed += case_passed
            failed += case_failed
        elif "targetCompleted" in event["id"] and not event.get("completed", {}).get("success"):
            failed += 1  # It did not build.
    if bazel_exit_code not in (0, NO_TESTS_FOUND) and failed == 0:
        failed = 1  # It ended before there were targets.

    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


sys.exit(main())
