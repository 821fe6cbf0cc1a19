// Parse makes a message of its text form, for tests.
#ifndef TLSD_TESTS_UNIT_CLIENT_PARSE_TEXT_H_
#define TLSD_TESTS_UNIT_CLIENT_PARSE_TEXT_H_

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>

namespace tlsd::testing {

// Parse fails the test if `text` is no Message.
template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message))
      << text;
  return message;
}

}  // namespace tlsd::testing

#endif  // TLSD_TESTS_UNIT_CLIENT_PARSE_TEXT_H_
