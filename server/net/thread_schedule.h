// How the kernel shares the processors between the two kinds of threads of the
// daemon. It matters only while they are all busy.
//
// A thread that wakes may interrupt another, which had run longer. For each
// cleartext that a worker hands to gRPC, a thread of gRPC's wakes; were it to
// interrupt the worker, the two would take turns message by message. As it is,
// the worker goes on, and gRPC's thread finds many messages to send at once
// (sched(7), SCHED_BATCH).
//
// Any thread may call it, for itself.
#ifndef TLSD_SERVER_NET_THREAD_SCHEDULE_H_
#define TLSD_SERVER_NET_THREAD_SCHEDULE_H_

namespace tlsd::net {

enum class Plane {
  // Interrupts others when it wakes, as threads usually do.
  kData,
  // Waits for a processor until another thread sleeps, or has had its time: a
  // few milliseconds.
  kControl,
};

// ScheduleAs makes the calling thread one of `plane`, and those that it starts
// from then on. Where the system does not let it, nothing changes.
void ScheduleAs(Plane plane);

}  // namespace tlsd::net

#endif  // TLSD_SERVER_NET_THREAD_SCHEDULE_H_
