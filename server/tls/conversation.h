// Conversation is what one handshake asks and is told: at most one question
// waits at a time, and each is asked once, however often BoringSSL calls back.
//
// A handshake owns it, on its thread.
#ifndef TLSD_SERVER_TLS_CONVERSATION_H_
#define TLSD_SERVER_TLS_CONVERSATION_H_

#include <memory>
#include <optional>
#include <utility>

#include "server/tls/engine_event.h"
#include "server/tls/question.h"

namespace tlsd::tls {

class Conversation {
 public:
  // Ask returns the answer to the question of `hook`, once. As long as there is
  // none it returns nothing, and appends to `events` what `make_question`
  // makes, if it has not been asked.
  template <typename MakeQuestion>
  std::optional<Answer> Ask(const Hook& hook, MakeQuestion make_question,
                            EventList& events) {
    if (answer_.has_value() && asked_ == hook.type) {
      asked_.reset();
      return std::exchange(answer_, std::nullopt);
    }
    if (asked_.has_value()) return std::nullopt;
    asked_ = hook.type;
    events.push_back(
        QuestionAsked{std::make_shared<const Question>(make_question()), hook});
    return std::nullopt;
  }

  // Answer gives the answer to the question that waits.
  void Give(Answer answer) { answer_ = std::move(answer); }

  // asked returns the question that waits, or whose answer nobody has looked
  // at.
  const std::optional<HookType>& asked() const { return asked_; }

  // waits reports whether a question has no answer yet; has_answer whether
  // there is one that nobody has looked at.
  bool waits() const { return asked_.has_value() && !answer_.has_value(); }
  bool has_answer() const { return answer_.has_value(); }

 private:
  std::optional<HookType> asked_;
  std::optional<Answer> answer_;
};

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_CONVERSATION_H_
