// The grpcurl line that does what a command does.
//
// It only writes the line; nothing is called or read. File contents are never
// in it: the line reads the files itself, when it is run, so that no key ends
// up on a terminal or in a shell's history. It holds no state and may be used
// from any thread.
#ifndef TLSD_CLIENT_CLI_GRPCURL_H_
#define TLSD_CLIENT_CLI_GRPCURL_H_

#include <google/protobuf/message.h>

#include <cstddef>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace tlsd::client::cli {

// FileContentMark returns a text that stands for the content of the file at
// `path` in a request that is only to be printed.
std::string FileContentMark(absl::string_view path);

// FileLineMark is FileContentMark without the last line end, for passphrases.
std::string FileLineMark(absl::string_view path);

// FileRange is a piece of a file: `size` bytes from `offset` on.
struct FileRange {
  size_t offset = 0;
  size_t size = 0;
};

// FileBytesMark is FileContentMark for a field of type bytes; of the whole file
// unless `range` is there.
std::string FileBytesMark(absl::string_view path,
                          std::optional<FileRange> range = std::nullopt);

// GrpcurlLine returns the shell line, without a line end, that sends `request`
// to `method`, e.g. "tlsd.v1.AdminService/GetServerInfo", of the daemon at
// `address`.
std::string GrpcurlLine(absl::string_view address, absl::string_view method,
                        const google::protobuf::Message& request);

// ShellQuote returns `text` as one word of a POSIX shell.
std::string ShellQuote(absl::string_view text);

}  // namespace tlsd::client::cli

#endif  // TLSD_CLIENT_CLI_GRPCURL_H_
