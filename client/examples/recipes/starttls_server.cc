// Takes mail, over TLS only (RFC 5321, RFC 3207).
#include <iostream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/client.h"

namespace tls = tlsd::client;

absl::Status Say(tls::DetachedConnection& connection, const std::string& text) {
  return connection.Write(absl::StrCat(text, "\r\n"));
}

// AskVerb says `text`, and returns the first four letters of what the client
// says then.
absl::StatusOr<std::string> AskVerb(tls::DetachedConnection& connection,
                                    const std::string& text) {
  const absl::Status status = Say(connection, text);
  if (!status.ok()) return status;
  // It takes no byte behind the line, where TLS may begin.
  const auto line = connection.ReadThrough("\r\n");
  if (!line.ok()) return line.status();
  return absl::AsciiStrToUpper(line->substr(0, 4));
}

absl::Status TakeMail(tls::DetachedConnection connection) {
  bool is_secure = false;
  std::string answer = "220 localhost ESMTP";
  while (true) {
    const auto verb = AskVerb(connection, answer);
    if (!verb.ok()) return verb.status();
    if (*verb == "QUIT") {
      const absl::Status said = Say(connection, "221 bye");
      return said.ok() ? connection.Close() : said;
    }
    answer = "250 OK";
    if (*verb == "EHLO") {
      answer = is_secure ? "250 localhost" : "250-localhost\r\n250 STARTTLS";
    } else if (*verb == "STAR" && !is_secure) {
      const absl::Status said = Say(connection, "220 go ahead");
      if (!said.ok()) return said;
      auto secure = connection.UpgradeDetached(
          {.server =
               tls::ServerOptions{.secure_context = "secureContexts/mail"}});
      if (!secure.ok()) return secure.status();
      connection = *std::move(secure);
      is_secure = true;
      // The client speaks next.
      answer.clear();
    } else if (!is_secure) {
      answer = "530 Must issue a STARTTLS command first";
    } else if (*verb == "DATA") {
      const absl::Status said = Say(connection, "354 go ahead");
      if (!said.ok()) return said;
      const auto mail = connection.ReadThrough("\r\n.\r\n");
      if (!mail.ok()) return mail.status();
      std::cout << *mail << std::flush;
    }
  }
}
