// The file that a listening unix socket has in the file system.
//
// It is internal to server/net. Any one thread may hold a UnixPath.
#ifndef TLSD_SERVER_NET_UNIX_PATH_H_
#define TLSD_SERVER_NET_UNIX_PATH_H_

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tlsd::net {

// FileIdentity tells one file from all others, whatever their names.
struct FileIdentity {
  dev_t device;
  ino_t inode;

  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

// IdentityOf returns the file at `path` itself, not what it links to; none if
// there is none.
std::optional<FileIdentity> IdentityOf(const std::string& path);

class UnixPath {
 public:
  // Bind gives `socket` the name `path`, which must be free: a socket that
  // nobody listens on is removed first; a live one, and any other file, is
  // ADDRESS_IN_USE. Errors name `field`.
  static absl::StatusOr<std::unique_ptr<UnixPath>> Bind(absl::string_view field,
                                                        const std::string& path,
                                                        int socket);

  // Destroying it removes the file, unless it is another's by now.
  ~UnixPath();
  UnixPath(const UnixPath&) = delete;
  UnixPath& operator=(const UnixPath&) = delete;

 private:
  UnixPath(std::string path, FileIdentity identity);

  const std::string path_;
  const FileIdentity identity_;
};

}  // namespace tlsd::net

#endif  // TLSD_SERVER_NET_UNIX_PATH_H_
