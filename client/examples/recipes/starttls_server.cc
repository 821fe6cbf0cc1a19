// Takes mail, over TLS only (RFC 5321, RFC 3207).
#include <iostream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/client.h"

namespace tls = tlsd::client;

class Sender {
 public:
  explicit Sender(tls::DetachedConnection connection)
      : connection_(std::move(connection)) {}

  absl::Status Serve() {
    absl::Status status = Say("220 localhost ESMTP");
    while (status.ok() && !is_done_) {
      // It takes no byte behind the line, where TLS may begin.
      const auto line = connection_.ReadThrough("\r\n");
      status = line.ok() ? Answer(absl::AsciiStrToUpper(line->substr(0, 4)))
                         : line.status();
    }
    return status.ok() ? connection_.Close() : status;
  }

 private:
  absl::Status Say(const std::string& text) {
    return connection_.Write(absl::StrCat(text, "\r\n"));
  }

  absl::Status Answer(const std::string& verb) {
    is_done_ = verb == "QUIT";
    if (is_done_) return Say("221 bye");
    if (verb == "EHLO") {
      return Say(is_secure_ ? "250 localhost"
                            : "250-localhost\r\n250 STARTTLS");
    }
    if (is_secure_) return verb == "DATA" ? TakeMail() : Say("250 OK");
    if (verb == "STAR") return BeginTls();
    return Say("530 Must issue a STARTTLS command first");
  }

  absl::Status BeginTls() {
    absl::Status said = Say("220 go ahead");
    if (!said.ok()) return said;
    auto secure = connection_.UpgradeDetached(
        {.server =
             tls::ServerOptions{.secure_context = "secureContexts/mail"}});
    if (!secure.ok()) return secure.status();
    connection_ = *std::move(secure);
    is_secure_ = true;
    return absl::OkStatus();
  }

  absl::Status TakeMail() {
    absl::Status said = Say("354 go ahead");
    if (!said.ok()) return said;
    const auto mail = connection_.ReadThrough("\r\n.\r\n");
    if (!mail.ok()) return mail.status();
    std::cout << *mail << std::flush;
    return Say("250 OK");
  }

  tls::DetachedConnection connection_;
  bool is_secure_ = false;
  bool is_done_ = false;
};

int main(int argc, char** argv) {
  const auto client = tls::Client::Open(argc > 1 ? argv[1] : "");
  if (!client.ok()) return 1;
  const auto listener = client->GetListener("listeners/mail");
  if (!listener.ok()) return 1;
  std::cout << "answering" << std::endl;
  while (true) {
    auto connection = listener->AcceptDetached();
    if (!connection.ok()) return 1;
    const absl::Status status = Sender(*std::move(connection)).Serve();
    if (!status.ok()) std::cerr << status.message() << std::endl;
  }
}
