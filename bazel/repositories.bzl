"""Every external repository that tlsd needs, as one macro that another workspace can call too.

Bazel's own prelude asks for rules_java, rules_proto, rules_cc and remote_coverage_tools and would
fetch them from the network; here they come from Debian's packages or are written out below.
Libraries of the system are not repositories: see bazel/system/BUILD.bazel.
"""

load("//bazel:boringssl.bzl", "boringssl_repository")

# Debian's own rules_cc needs a newer Bazel; the native rules are all that is asked of it.
_RULES_CC_DEFS = "\n".join(["%s = native.%s" % (rule, rule) for rule in [
    "cc_binary",
    "cc_import",
    "cc_library",
    "cc_proto_library",
    "cc_test",
    "cc_toolchain",
    "cc_toolchain_suite",
    "fdo_prefetch_hints",
    "fdo_profile",
    "objc_import",
    "objc_library",
]])

# `bazel test` resolves these two labels even when no coverage is collected.
_COVERAGE_TOOLS_BUILD = "\n".join(["""
sh_binary(
    name = "%s",
    srcs = ["none.sh"],
    visibility = ["//visibility:public"],
)
""" % tool for tool in ["coverage_report_generator", "lcov_merger"]])

def _written_repository_impl(ctx):
    for path, content in ctx.attr.files.items():
        ctx.file(path, content + "\n")

_written_repository = repository_rule(
    implementation = _written_repository_impl,
    attrs = {"files": attr.string_dict(mandatory = True)},
)

def tlsd_repositories():
    """Defines what the calling workspace has not defined itself."""
    known = native.existing_rules()
    if "rules_java" not in known:
        native.local_repository(name = "rules_java", path = "/usr/share/bazel/rules/java")
    if "rules_proto" not in known:
        native.local_repository(name = "rules_proto", path = "/usr/share/bazel/rules/proto")
    if "rules_cc" not in known:
        _written_repository(
            name = "rules_cc",
            files = {"BUILD": "", "cc/BUILD": "", "cc/defs.bzl": _RULES_CC_DEFS},
        )
    if "remote_coverage_tools" not in known:
        _written_repository(
            name = "remote_coverage_tools",
            files = {"BUILD": _COVERAGE_TOOLS_BUILD, "none.sh": "exit 0"},
        )
    if "boringssl" not in known:
        boringssl_repository(name = "boringssl")
