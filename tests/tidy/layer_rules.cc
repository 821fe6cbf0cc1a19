// The table of ARCHITECTURE.md, as include edges. Bazel's visibility holds it
// for targets; this holds it for files.
#include <cstddef>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "tests/tidy/rules.h"

namespace tlsd::tidy {
namespace {

using Words = std::vector<absl::string_view>;

// Layer is a folder and the folders it stands on, itself left out.
struct Layer {
  absl::string_view folder;
  Words may_include;
};

const std::vector<Layer>& Layers() {
  static const auto& layers = *new std::vector<Layer>{
      {"proto/rpc", {}},
      {"proto/status", {}},
      {"server/base", {"proto/status"}},
      {"server/tls", {"proto/status", "server/base"}},
      {"server/net", {"proto/status", "server/base"}},
      {"server/conn",
       {"proto/status", "server/base", "server/tls", "server/net"}},
      {"server/worker",
       {"proto/status", "server/base", "server/tls", "server/net",
        "server/conn"}},
      {"server/control",
       {"proto/status", "server/base", "server/tls", "server/net",
        "server/conn", "server/worker", "proto/rpc"}},
      {"server/main",
       {"proto/status", "server/base", "server/tls", "server/net",
        "server/conn", "server/worker", "server/control"}},
      {"client", {"proto/rpc", "proto/status"}},
      {"tests", {"proto/rpc", "proto/status", "server", "client"}},
  };
  return layers;
}

// HeaderHome says which files may include headers of a kind.
struct HeaderHome {
  absl::string_view kind;
  Words headers;  // a "/" at the end: all of that folder
  Words homes;
  absl::string_view fix;
};

const std::vector<HeaderHome>& HeaderHomes() {
  static const auto& homes = *new std::vector<HeaderHome>{
      {"BoringSSL",
       {"openssl/"},
       {"server/tls/", "tests/"},
       "ask server/tls for what is needed, in its own types"},
      {"gRPC and protobuf",
       {"grpc/", "grpcpp/", "google/", "tlsd/v1/", "proto/rpc/",
        "proto/status/rpc_status.h"},
       {"proto/rpc/", "proto/status/rpc_status.", "server/control/",
        "server/main/", "client/", "tests/"},
       "use a domain struct, and convert in server/control"},
      {"the operating system",
       {"sys/", "netinet/", "arpa/", "net/", "linux/", "netdb.h", "unistd.h",
        "fcntl.h", "poll.h", "pthread.h", "sched.h", "signal.h", "csignal",
        "ifaddrs.h", "termios.h"},
       {"server/net/", "client/cli/", "tests/",
        // Writes to a pipe that may be full, and must not wait for it.
        "server/base/log.cc",
        // A program with a socket of its own.
        "client/examples/recipes/secure_pair.cc"},
       "put it behind a class of server/net"},
  };
  return homes;
}

// inet_pton and inet_ntop turn text into addresses and back; no socket knows.
bool IsTextOfAddresses(const SourceFile& file, absl::string_view header) {
  return file.IsUnder("server/tls") && header == "arpa/inet.h";
}

// Include returns what line includes, or "".
absl::string_view Include(absl::string_view line) {
  if (!absl::ConsumePrefix(&line, "#include ")) return "";
  size_t end = line.find_first_of("\">", 1);
  return end == line.npos ? "" : line.substr(1, end - 1);
}

bool StartsWithAny(absl::string_view text, const Words& prefixes) {
  return absl::c_any_of(prefixes, [text](absl::string_view prefix) {
    return absl::StartsWith(text, prefix);
  });
}

bool IsIn(absl::string_view path, absl::string_view folder) {
  return absl::StartsWith(path, absl::StrCat(folder, "/"));
}

const Layer* LayerOf(absl::string_view path) {
  for (const Layer& layer : Layers()) {
    if (IsIn(path, layer.folder)) return &layer;
  }
  return nullptr;
}

bool MayInclude(const Layer& layer, absl::string_view header) {
  return IsIn(header, layer.folder) ||
         absl::c_any_of(layer.may_include, [header](absl::string_view folder) {
           return IsIn(header, folder);
         });
}

bool Names(const HeaderHome& home, absl::string_view header) {
  return absl::c_any_of(home.headers, [header](absl::string_view name) {
    return absl::EndsWith(name, "/") ? absl::StartsWith(header, name)
                                     : header == name;
  });
}

bool IsOurs(const SourceFile& file) {
  return file.IsCpp() && (file.IsUnder("client") || file.IsUnder("proto") ||
                          file.IsUnder("server") || file.IsUnder("tests"));
}

}  // namespace

Findings FindLayerBreaks(const SourceTree& tree) {
  Findings findings;
  for (const SourceFile& file : tree.files()) {
    if (!IsOurs(file)) continue;
    const Layer* layer = LayerOf(file.path);
    if (layer == nullptr) {
      findings.push_back({file.path, 1, "its folder is in no layer",
                          "put it into one, or add the folder to the table of "
                          "ARCHITECTURE.md and to Layers()"});
      continue;
    }
    for (size_t i = 0; i < file.lines.size(); ++i) {
      absl::string_view header = Include(file.lines[i]);
      if (!StartsWithAny(header, {"client/", "proto/", "server/", "tests/"}) ||
          MayInclude(*layer, header)) {
        continue;
      }
      findings.push_back(
          {file.path, static_cast<int>(i) + 1,
           absl::StrCat(layer->folder, " includes ", header,
                        ", which it does not stand on"),
           absl::StrCat("it may include itself",
                        layer->may_include.empty() ? "" : ", ",
                        absl::StrJoin(layer->may_include, ", "),
                        "; move the code down, or pass an interface in")});
    }
  }
  return findings;
}

Findings FindForeignHeaders(const SourceTree& tree) {
  Findings findings;
  for (const SourceFile& file : tree.files()) {
    if (!IsOurs(file)) continue;
    for (size_t i = 0; i < file.lines.size(); ++i) {
      absl::string_view header = Include(file.lines[i]);
      if (header.empty() || IsTextOfAddresses(file, header)) continue;
      for (const HeaderHome& home : HeaderHomes()) {
        if (!Names(home, header) || StartsWithAny(file.path, home.homes)) {
          continue;
        }
        findings.push_back(
            {file.path, static_cast<int>(i) + 1,
             absl::StrCat(header, " is of ", home.kind, ", whose home is ",
                          absl::StrJoin(home.homes, ", ")),
             std::string(home.fix)});
      }
    }
  }
  return findings;
}

}  // namespace tlsd::tidy
