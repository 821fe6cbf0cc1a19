#include "server/net/thread_schedule.h"

#include <pthread.h>
#include <sched.h>

namespace tlsd::net {

void ScheduleAs(Plane plane) {
  const sched_param no_priority = {};
  pthread_setschedparam(pthread_self(),
                        plane == Plane::kData ? SCHED_OTHER : SCHED_BATCH,
                        &no_priority);
}

}  // namespace tlsd::net
