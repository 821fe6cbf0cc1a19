// Messages as JSON, as protobuf defines it.
//
// It holds no state and may be used from any thread.
#ifndef TLSD_CLIENT_CLI_JSON_H_
#define TLSD_CLIENT_CLI_JSON_H_

#include <google/protobuf/message.h>

#include <string>

namespace tlsd::client::cli {

// CompactJson returns `message` in one line, fields with their default value
// left out: the form to send.
std::string CompactJson(const google::protobuf::Message& message);

// JsonLine returns `message` in one line with its line end, every field there:
// the form for a stream of messages.
std::string JsonLine(const google::protobuf::Message& message);

// PrettyJson returns `message` over many lines, every field there, so that
// `"authorized": false` can be seen.
std::string PrettyJson(const google::protobuf::Message& message);

}  // namespace tlsd::client::cli

#endif  // TLSD_CLIENT_CLI_JSON_H_
