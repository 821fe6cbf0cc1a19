// What ThreadSanitizer must be told about Debian's libraries, which it did not
// compile.
//
// Abseil's locks live in a shared library, so the order they make would be
// invisible and every guarded variable would be reported as a race. These
// definitions take the place of the library's, for tlsd's code and for gRPC's:
// each calls the original and announces what it orders. Linked only with
// --config=tsan.

#include <dlfcn.h>

#include "absl/base/options.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"

extern "C" {
void __tsan_acquire(void* address);
void __tsan_release(void* address);
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);

// What these libraries order by atomics of their own cannot be seen either, so
// reports that pass through them are noise. Code that they do not call is
// checked in full.
const char* __tsan_default_suppressions() {
  return "race:libabsl_\n"
         "race:libgrpc\n"
         "race:libprotobuf\n"
         "thread:libgrpc\n";
}
}

namespace {

void Acquire(const void* address) {
  __tsan_acquire(const_cast<void*>(address));
}
void Release(const void* address) {
  __tsan_release(const_cast<void*>(address));
}

// Calls the library's own member function, found by its mangled name, with
// `this` first.
template <typename Result, typename... Args>
Result Original(const char* mangled, Args... args) {
  void* symbol = dlsym(RTLD_NEXT, mangled);
  if (symbol == nullptr) __builtin_trap();
  return reinterpret_cast<Result (*)(Args...)>(symbol)(args...);
}

}  // namespace

// Debian gives Abseil's inline namespace a name of its own.
#define TLSD_TEXT_OF(x) #x
#define TLSD_TEXT(x) TLSD_TEXT_OF(x)
#define ABSL "_ZN4absl7" TLSD_TEXT(ABSL_OPTION_INLINE_NAMESPACE_NAME)
#define ABSL_CONST "_ZNK4absl7" TLSD_TEXT(ABSL_OPTION_INLINE_NAMESPACE_NAME)
#define KERNEL_TIMEOUT "NS0_24synchronization_internal13KernelTimeoutE"

namespace absl {
ABSL_NAMESPACE_BEGIN
using synchronization_internal::KernelTimeout;

void Mutex::Lock() {
  Original<void>(ABSL "5Mutex4LockEv", this);
  Acquire(this);
}

void Mutex::ReaderLock() {
  Original<void>(ABSL "5Mutex10ReaderLockEv", this);
  Acquire(this);
}

bool Mutex::TryLock() {
  const bool locked = Original<bool>(ABSL "5Mutex7TryLockEv", this);
  if (locked) Acquire(this);
  return locked;
}

bool Mutex::ReaderTryLock() {
  const bool locked = Original<bool>(ABSL "5Mutex13ReaderTryLockEv", this);
  if (locked) Acquire(this);
  return locked;
}

// Every LockWhen ends here, and holds the lock whatever it returns.
bool Mutex::LockSlowWithDeadline(MuHow how, const Condition* condition,
                                 KernelTimeout timeout, int flags) {
  const bool met =
      Original<bool>(ABSL
                     "5Mutex20LockSlowWithDeadlineEPKNS0_6MuHowSEPKNS0_"
                     "9ConditionE" KERNEL_TIMEOUT "i",
                     this, how, condition, timeout, flags);
  Acquire(this);
  return met;
}

void Mutex::Unlock() {
  Release(this);
  Original<void>(ABSL "5Mutex6UnlockEv", this);
}

void Mutex::ReaderUnlock() {
  Release(this);
  Original<void>(ABSL "5Mutex12ReaderUnlockEv", this);
}

// Every Await.
bool Mutex::AwaitCommon(const Condition& condition, KernelTimeout timeout) {
  Release(this);
  const bool met = Original<bool>(
      ABSL "5Mutex11AwaitCommonERKNS0_9ConditionE" KERNEL_TIMEOUT, this,
      &condition, timeout);
  Acquire(this);
  return met;
}

// The thread that unlocks evaluates the conditions of those that wait, after
// its Release.
bool Condition::Eval() const {
  AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
  const bool met = Original<bool>(ABSL_CONST "9Condition4EvalEv", this);
  AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  return met;
}

// Every CondVar::Wait.
bool CondVar::WaitCommon(Mutex* mutex, KernelTimeout timeout) {
  Release(mutex);
  const bool timed_out =
      Original<bool>(ABSL "7CondVar10WaitCommonEPNS0_5MutexE" KERNEL_TIMEOUT,
                     this, mutex, timeout);
  Acquire(mutex);
  return timed_out;
}

void Notification::Notify() {
  Release(this);
  Original<void>(ABSL "12Notification6NotifyEv", this);
}

void Notification::WaitForNotification() const {
  Original<void>(ABSL_CONST "12Notification19WaitForNotificationEv", this);
  Acquire(this);
}

bool Notification::WaitForNotificationWithTimeout(Duration timeout) const {
  const bool notified = Original<bool>(
      ABSL_CONST
      "12Notification30WaitForNotificationWithTimeoutENS0_8DurationE",
      this, timeout);
  if (notified) Acquire(this);
  return notified;
}

bool Notification::WaitForNotificationWithDeadline(Time deadline) const {
  const bool notified = Original<bool>(
      ABSL_CONST "12Notification31WaitForNotificationWithDeadlineENS0_4TimeE",
      this, deadline);
  if (notified) Acquire(this);
  return notified;
}

bool BlockingCounter::DecrementCount() {
  Release(this);
  return Original<bool>(ABSL "15BlockingCounter14DecrementCountEv", this);
}

void BlockingCounter::Wait() {
  Original<void>(ABSL "15BlockingCounter4WaitEv", this);
  Acquire(this);
}

ABSL_NAMESPACE_END
}  // namespace absl
