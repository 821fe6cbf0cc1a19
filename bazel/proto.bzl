"""Protocol buffers and gRPC for C++ with Debian's protoc, import root `proto/`.

Not the rules of rules_proto: those build a protobuf of their own. A .proto at
`proto/tlsd/v1/event_service.proto` is included as `tlsd/v1/event_service.pb.h`, and, when it is
listed in `service_srcs`, as `tlsd/v1/event_service.grpc.pb.h`.
"""

_PROTOC = "/usr/bin/protoc"
_GRPC_PLUGIN = "/usr/bin/grpc_cpp_plugin"
_IMPORT_ROOT = "proto"

# Every tlsd_cc_proto `x` is two targets: the library `x` and its sources `x_protos`.
_PROTOS_SUFFIX = "_protos"

_ProtosInfo = provider(fields = {
    "direct": "the target's own .proto files",
    "transitive": "depset of these and of all that they import",
})

def _import_root(label):
    return "/".join([part for part in [label.workspace_root, _IMPORT_ROOT] if part])

def _import_name(file):
    return file.short_path.rpartition(_IMPORT_ROOT + "/")[2]

def _generate_cc(ctx, protos, extensions, protoc_arguments, transitive):
    outputs = []
    for proto in protos:
        stem = proto.short_path[:-len(".proto")].rpartition(ctx.label.package + "/")[2]
        outputs += [ctx.actions.declare_file(stem + extension) for extension in extensions]
    if outputs:
        ctx.actions.run(
            executable = _PROTOC,
            arguments = ["-I" + _import_root(ctx.label)] + protoc_arguments +
                        [_import_name(proto) for proto in protos],
            inputs = transitive,
            outputs = outputs,
            mnemonic = "TlsdProtoc",
            progress_message = "Generating C++ of %s" % ctx.label,
        )
    return outputs

def _tlsd_protos_impl(ctx):
    direct = ctx.files.srcs + ctx.files.service_srcs
    transitive = depset(direct, transitive = [dep[_ProtosInfo].transitive for dep in ctx.attr.deps])
    out = "%s/%s" % (ctx.bin_dir.path, _import_root(ctx.label))
    generated = _generate_cc(
        ctx,
        direct,
        [".pb.h", ".pb.cc"],
        ["--cpp_out=" + out],
        transitive,
    ) + _generate_cc(
        ctx,
        ctx.files.service_srcs,
        [".grpc.pb.h", ".grpc.pb.cc"],
        ["--plugin=protoc-gen-grpc=" + _GRPC_PLUGIN, "--grpc_out=" + out],
        transitive,
    )
    return [
        DefaultInfo(files = depset(generated)),
        CcInfo(compilation_context = cc_common.create_compilation_context(
            headers = depset([file for file in generated if file.extension == "h"]),
            # A system include: what protoc writes does not answer to our warnings.
            system_includes = depset([out]),
        )),
        _ProtosInfo(direct = direct, transitive = transitive),
    ]

_tlsd_protos = rule(
    implementation = _tlsd_protos_impl,
    attrs = {
        "srcs": attr.label_list(allow_files = [".proto"]),
        "service_srcs": attr.label_list(allow_files = [".proto"]),
        "deps": attr.label_list(providers = [_ProtosInfo]),
    },
)

def tlsd_cc_proto(name, srcs = [], service_srcs = [], deps = [], visibility = None):
    """One cc_library from .proto files of this package and of the folders below it.

    Args:
      name: the cc_library.
      srcs: files that define no service.
      service_srcs: files that define services.
      deps: labels, with a colon, of the tlsd_cc_proto targets that these files import.
      visibility: of the library.
    """
    protos = name + _PROTOS_SUFFIX
    _tlsd_protos(
        name = protos,
        srcs = srcs,
        service_srcs = service_srcs,
        deps = [dep + _PROTOS_SUFFIX for dep in deps],
        visibility = visibility,
    )
    native.cc_library(
        name = name,
        srcs = [protos],
        # Reflection reads the descriptors of files that no code refers to.
        alwayslink = True,
        deps = deps + [
            protos,
            Label("//bazel/system:grpc" if service_srcs else "//bazel/system:protobuf"),
        ],
        visibility = visibility,
    )

def _tlsd_descriptor_set_impl(ctx):
    out = ctx.actions.declare_file(ctx.label.name + ".binpb")
    ctx.actions.run(
        executable = _PROTOC,
        arguments = [
            "-I" + _import_root(ctx.label),
            "--include_imports",
            "--include_source_info",
            "--descriptor_set_out=" + out.path,
        ] + [_import_name(proto) for dep in ctx.attr.deps for proto in dep[_ProtosInfo].direct],
        inputs = depset(transitive = [dep[_ProtosInfo].transitive for dep in ctx.attr.deps]),
        outputs = [out],
        mnemonic = "TlsdDescriptorSet",
    )
    return [DefaultInfo(files = depset([out]))]

_tlsd_descriptor_set = rule(
    implementation = _tlsd_descriptor_set_impl,
    attrs = {"deps": attr.label_list(providers = [_ProtosInfo])},
)

def tlsd_descriptor_set(name, deps, visibility = None):
    """`name`.binpb: a FileDescriptorSet of tlsd_cc_proto targets, with imports and comments."""
    _tlsd_descriptor_set(
        name = name,
        deps = [dep + _PROTOS_SUFFIX for dep in deps],
        visibility = visibility,
    )
