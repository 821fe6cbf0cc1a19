"""A test against a daemon of its own, for tlsd's own tests and for any other workspace.

Example, in a workspace that has tlsd as `@tlsd`:

    load("@tlsd//bazel:tlsd_test.bzl", "tlsd_test")

    tlsd_test(
        name = "greeting_test",
        test = ":greeting_client",  # any executable; it finds the daemon by $TLSD_ADDRESS
    )
"""

_DAEMON = Label("//server/main:tlsd")
_RUNNER = Label("//bazel:tlsd_test_runner.sh")

def tlsd_test(name, test, args = [], data = [], **kwargs):
    """Starts tlsd on a private unix socket, runs the test, ends tlsd.

    The test fails with the exit code of the executable, or when the daemon ends badly.

    Args:
      name: of the test.
      test: label of the executable.
      args: of the executable.
      data: of the executable, for $(rootpath ...) in args too.
      **kwargs: whatever sh_test takes: env, size, tags...
    """
    native.sh_test(
        name = name,
        srcs = [_RUNNER],
        args = ["$(rootpath %s)" % label for label in [_DAEMON, test]] + args,
        data = [_DAEMON, test] + data,
        **kwargs
    )
