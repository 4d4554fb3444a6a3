/* Several loops: a thread each, its sockets in a descriptor table of its own. */
#include "connect.h"
#include "private_table.h"

#include <pthread.h>

enum { kFirstDescriptor = 3 };

/* All threads and the main thread: before and after every action, and when the loops are prepared. */
static pthread_barrier_t meeting;
static loop_action* action;
static const struct loop* only; /* NULL: all */

static void* run_thread(void* argument) {
  struct loop* const loop = argument;
  leave_descriptor_table(kFirstDescriptor);
  prepare_loop(loop);
  for (;;) {
    pthread_barrier_wait(&meeting);
    pthread_barrier_wait(&meeting);
    if (only == NULL || only == loop) action(loop);
  }
  return NULL;
}

void start_threads(struct loop* loops, unsigned count) {
  errno = pthread_barrier_init(&meeting, NULL, count + 1);
  if (errno != 0) die("pthread_barrier_init");
  for (unsigned i = 0; i < count; i++) {
    pthread_t thread;
    errno = pthread_create(&thread, NULL, run_thread, &loops[i]);
    if (errno != 0) die("pthread_create");
  }
  pthread_barrier_wait(&meeting);
}

void run_on_threads(loop_action* wanted, const struct loop* loop) {
  action = wanted;
  only = loop;
  pthread_barrier_wait(&meeting);
  pthread_barrier_wait(&meeting);
}
