#include "client/cli/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tlsd/v1/connection_service.pb.h"

namespace tlsd::client::cli {
namespace {

using ::testing::HasSubstr;

TEST(JsonTest, SendsOnlyWhatIsSet) {
  v1::ConnectRequest request;
  request.set_server_name("a.test");

  EXPECT_EQ(CompactJson(request), "{\"serverName\":\"a.test\"}");
}

TEST(JsonTest, ShowsWhatIsFalse) {
  const v1::Connection connection;

  EXPECT_THAT(PrettyJson(connection), HasSubstr("\"authorized\": false"));
  EXPECT_THAT(JsonLine(connection), HasSubstr("\"authorized\":false"));
}

TEST(JsonTest, KeepsALineALine) {
  v1::Connection connection;
  connection.set_name("a\nb");

  const std::string line = JsonLine(connection);

  EXPECT_EQ(line.find('\n'), line.size() - 1);
}

}  // namespace
}  // namespace tlsd::client::cli
