#include "server/tls/queue_bio.h"

#include <string>

#include "gtest/gtest.h"

namespace tlsd::tls {
namespace {

class QueueBioTest : public ::testing::Test {
 protected:
  base::ChunkPool pool_;
  base::ByteQueue output_{pool_};
  QueueBio queue_{output_};
  bssl::UniquePtr<BIO> bio_ = queue_.NewBio();
};

TEST_F(QueueBioTest, ReadsWhatIsLent) {
  queue_.Lend(base::AsBytes("abcdef"));
  char buffer[4];

  EXPECT_EQ(BIO_read(bio_.get(), buffer, 4), 4);
  EXPECT_EQ(std::string(buffer, 4), "abcd");
  EXPECT_EQ(queue_.TakeBack(), 4u);
  EXPECT_EQ(queue_.bytes_read(), 4u);
}

TEST_F(QueueBioTest, AsksToBeTriedAgainWithoutInput) {
  char buffer[4];
  EXPECT_EQ(BIO_read(bio_.get(), buffer, 4), -1);
  EXPECT_TRUE(BIO_should_read(bio_.get()));

  queue_.Lend(base::AsBytes("ab"));
  EXPECT_EQ(BIO_read(bio_.get(), buffer, 4), 2);
  EXPECT_FALSE(BIO_should_retry(bio_.get()));
  EXPECT_EQ(BIO_read(bio_.get(), buffer, 4), -1);
}

TEST_F(QueueBioTest, ReadsNothingThatWasTakenBack) {
  queue_.Lend(base::AsBytes("abc"));
  EXPECT_EQ(queue_.TakeBack(), 0u);
  char buffer[4];
  EXPECT_EQ(BIO_read(bio_.get(), buffer, 4), -1);
}

TEST_F(QueueBioTest, WritesWithoutLimit) {
  const std::string text(1 << 20, 'x');
  EXPECT_EQ(BIO_write(bio_.get(), text.data(), static_cast<int>(text.size())),
            static_cast<int>(text.size()));
  EXPECT_EQ(output_.size(), text.size());
  EXPECT_EQ(BIO_flush(bio_.get()), 1);
}

}  // namespace
}  // namespace tlsd::tls
