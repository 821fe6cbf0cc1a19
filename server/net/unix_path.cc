#include "server/net/unix_path.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/base/status_macros.h"
#include "server/net/descriptor.h"
#include "server/net/os_error.h"
#include "server/net/raw_address.h"

namespace tlsd::net {
namespace {

absl::Status PathTaken(absl::string_view field, const std::string& path,
                       absl::string_view what) {
  return MakeError(Reason::kAddressInUse,
                   absl::StrCat(field, ": cannot listen on ",
                                QuoteForMessage(path), ": ", what),
                   {{"field", std::string(field)}, {"address", path}});
}

// Only a socket whose listener is gone may be removed, and only a refused
// connection proves that it is.
absl::Status MakeFree(absl::string_view field, const std::string& path) {
  struct stat file;
  if (lstat(path.c_str(), &file) != 0) return absl::OkStatus();
  if (!S_ISSOCK(file.st_mode)) {
    return PathTaken(field, path,
                     "there is a file that is no socket; remove it, or choose "
                     "another path");
  }
  const Descriptor probe(
      socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe.is_open()) return ListenError(field, path, errno);
  const RawAddress address = RawFromPath(path);
  // EAGAIN is a listener whose queue is full.
  if (connect(probe.get(), address.get(), address.size) == 0 ||
      errno == EAGAIN) {
    return PathTaken(field, path,
                     "another program listens there; stop it, or choose "
                     "another path");
  }
  if (errno != ECONNREFUSED) return ListenError(field, path, errno);
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return ListenError(field, path, errno);
  }
  return absl::OkStatus();
}

}  // namespace

std::optional<FileIdentity> IdentityOf(const std::string& path) {
  struct stat file;
  if (lstat(path.c_str(), &file) != 0) return std::nullopt;
  return FileIdentity{file.st_dev, file.st_ino};
}

absl::StatusOr<std::unique_ptr<UnixPath>> UnixPath::Bind(
    absl::string_view field, const std::string& path, int socket) {
  TLSD_RETURN_IF_ERROR(MakeFree(field, path));
  const RawAddress address = RawFromPath(path);
  if (bind(socket, address.get(), address.size) != 0) {
    return ListenError(field, path, errno);
  }
  const std::optional<FileIdentity> identity = IdentityOf(path);
  if (!identity.has_value()) return ListenError(field, path, ENOENT);
  return absl::WrapUnique(new UnixPath(path, *identity));
}

UnixPath::UnixPath(std::string path, FileIdentity identity)
    : path_(std::move(path)), identity_(identity) {}

UnixPath::~UnixPath() {
  if (IdentityOf(path_) == identity_) unlink(path_.c_str());
}

}  // namespace tlsd::net
