"""BoringSSL's source as an external repository, from Debian's source package.

It is not Debian's BoringSSL library: that one is built for size and signs at a quarter of the
speed. apt fetches the tarball, without root and without touching the system's own apt lists, from
the mirror that this machine already uses, and Bazel checks its digest.
"""

_PACKAGE = "android-platform-external-boringssl"
_VERSION = "14.0.0+r45"
_SUITE = "trixie"
_SHA256 = "f9223e8c15ad5d9e3f1cd50861f4c272658864661e2332bea5d60952aa0930cd"
_TARBALL = "%s_%s.orig.tar.xz" % (_PACKAGE, _VERSION)
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

def _run(ctx, command, directory = ""):
    result = ctx.execute(command, timeout = 600, working_directory = directory)
    if result.return_code != 0:
        fail("%s failed:\n%s%s" % (" ".join(command), result.stdout, result.stderr))
    return result.stdout

def _debian_mirror(ctx):
    mirrors = _run(ctx, [
        "apt-get",
        "indextargets",
        "--format",
        "$(REPO_URI)",
        "Created-By: Packages",
        "Label: Debian",
    ]).splitlines()
    if not mirrors:
        fail("apt knows no Debian archive to fetch BoringSSL from; run: apt-get update")
    return mirrors[0]

def _fetch_with_apt(ctx):
    """Leaves the tarball in the folder `apt`, which is a private apt of its own."""
    root = str(ctx.path("apt"))
    ctx.file("apt/lists/partial/.keep")
    ctx.file("apt/cache/archives/partial/.keep")
    ctx.file(
        "apt/sources.list",
        "deb-src [signed-by=%s] %s %s main\n" % (_KEYRING, _debian_mirror(ctx), _SUITE),
    )
    apt_get = ["apt-get", "--quiet"]
    for option in [
        "Dir::Etc::SourceList=%s/sources.list" % root,
        "Dir::Etc::SourceParts=/dev/null",
        "Dir::State::Lists=%s/lists" % root,
        "Dir::Cache=%s/cache" % root,
        "Acquire::Languages=none",
        "Acquire::Retries=3",
        "APT::Sandbox::User=",
    ]:
        apt_get += ["-o", option]

    ctx.report_progress("reading the list of Debian %s's sources" % _SUITE)
    _run(ctx, apt_get + ["update"])
    ctx.report_progress("downloading %s (32 MB)" % _TARBALL)
    _run(ctx, apt_get + ["source", "--download-only", "--tar-only", _PACKAGE], "apt")

def _boringssl_impl(ctx):
    _fetch_with_apt(ctx)
    ctx.download_and_extract(
        url = "file://%s" % ctx.path("apt/" + _TARBALL),
        sha256 = _SHA256,
        stripPrefix = "%s-%s" % (_PACKAGE, _VERSION),
    )
    ctx.delete("apt")
    ctx.file("WORKSPACE", "workspace(name = \"%s\")\n" % ctx.name)

boringssl_repository = repository_rule(implementation = _boringssl_impl)
