/*
 * The other end of every connecting client: accepts and holds, the same for all of them.
 * Usage: acceptor <threads>
 *
 * Each thread has a SO_REUSEPORT listener on one port and a descriptor table of its own. Prints {"port":N}; then, for
 * each line of standard input:
 *   accept  takes connections until told otherwise             prints {"accepting":true}
 *   rest    takes what is still in the queues, then sleeps      prints {"held":N}
 *   drop    closes all it holds; the clients have reset theirs  prints {"held":0}
 * It ends with its standard input.
 */
#include "private_table.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  kThreadsMax = 64,
  kBacklog = 65535,
  kAcceptBatch = 64,
  kAcceptSecondsMax = 300,
  kFirstDescriptor = 3,
  kHeldMax = 1 << 20
};

enum command { kAccept, kDrop };

struct acceptor {
  pthread_t thread;
  int* held;
  unsigned held_count, held_max;
};

static struct acceptor acceptors[kThreadsMax];
static unsigned threads;
static in_port_t port; /* in network order; written before the threads start */

/* All threads and the main thread: when they listen, then before and after every command. */
static pthread_barrier_t meeting;
static enum command command;
static atomic_bool resting = true;

/* To `port`; 0: the kernel chooses. */
static int open_bound_socket(void) {
  const int on = 1;
  const struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  const int fd = check(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
  check(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on), "SO_REUSEPORT");
  check(bind(fd, (const struct sockaddr*)&address, sizeof address), "bind");
  return fd;
}

/* A port that is ours as long as the socket is open. */
static int reserve_port(void) {
  struct sockaddr_in address;
  socklen_t size = sizeof address;
  const int fd = open_bound_socket();
  check(getsockname(fd, (struct sockaddr*)&address, &size), "getsockname");
  port = address.sin_port;
  return fd;
}

static void accept_batch(struct acceptor* self, int listener) {
  for (int i = 0; i < kAcceptBatch; i++) {
    const int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EAGAIN) return;
      if (errno == ECONNABORTED || errno == EINTR) continue;
      die("accept4");
    }
    if (self->held_count == self->held_max) {
      errno = ENOBUFS;
      die("held");
    }
    self->held[self->held_count++] = fd;
  }
}

/* Never sleeps while clients connect: its wake-ups would be charged to them, most to those that give it most rest.
 * It asks before it accepts: an accept4(2) that finds nothing allocates a socket all the same. */
static void accept_until_resting(struct acceptor* self, int listener) {
  const uint64_t deadline = now_ns() + kAcceptSecondsMax * UINT64_C(1000000000);
  for (;;) {
    struct pollfd queue = {.fd = listener, .events = POLLIN};
    const bool last_look = resting;
    if (check(poll(&queue, 1, 0), "poll") > 0) {
      accept_batch(self, listener);
      continue;
    }
    if (last_look) return;
    if (now_ns() > deadline) {
      errno = ETIMEDOUT;
      die("accept");
    }
    sched_yield(); /* the other acceptors have the same CPU */
  }
}

static void drop_held(struct acceptor* self) {
  while (self->held_count > 0)
    close(self->held[--self->held_count]);
}

static void* run_acceptor(void* argument) {
  struct acceptor* const self = argument;
  leave_descriptor_table(kFirstDescriptor);
  const int listener = open_bound_socket();
  check(listen(listener, kBacklog), "listen");
  for (;;) {
    pthread_barrier_wait(&meeting);
    pthread_barrier_wait(&meeting);
    if (command == kAccept)
      accept_until_resting(self, listener);
    else
      drop_held(self);
  }
  return NULL;
}

/* The port is reserved until every thread has a listener on it. */
static void start_acceptors(void) {
  struct rlimit limit;
  const int reservation = reserve_port();
  check(getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
  errno = pthread_barrier_init(&meeting, NULL, threads + 1);
  if (errno != 0) die("pthread_barrier_init");
  for (unsigned i = 0; i < threads; i++) {
    struct acceptor* const acceptor = &acceptors[i];
    acceptor->held_max = limit.rlim_cur < kHeldMax ? (unsigned)limit.rlim_cur : kHeldMax;
    acceptor->held = calloc(acceptor->held_max, sizeof *acceptor->held);
    if (acceptor->held == NULL) die("calloc");
    errno = pthread_create(&acceptor->thread, NULL, run_acceptor, acceptor);
    if (errno != 0) die("pthread_create");
  }
  pthread_barrier_wait(&meeting);
  close(reservation);
}

static void start(enum command wanted) {
  command = wanted;
  resting = false;
  pthread_barrier_wait(&meeting);
}

static void finish(void) {
  if (resting) return;
  resting = true;
  pthread_barrier_wait(&meeting);
}

static void report_held(void) {
  unsigned held = 0;
  for (unsigned i = 0; i < threads; i++)
    held += acceptors[i].held_count;
  printf("{\"held\":%u}\n", held);
  fflush(stdout);
}

static void obey(const char* line) {
  finish();
  if (strcmp(line, "accept\n") == 0) {
    start(kAccept);
    printf("{\"accepting\":true}\n");
    fflush(stdout);
    return;
  }
  if (strcmp(line, "drop\n") == 0) {
    start(kDrop);
    finish();
  }
  report_held();
}

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: acceptor <threads>\n");
    return 2;
  }
  char line[64];
  threads = parse_number(argv[1], kThreadsMax);
  raise_descriptor_limit();
  start_acceptors();
  printf("{\"port\":%d}\n", ntohs(port));
  fflush(stdout);
  while (fgets(line, sizeof line, stdin) != NULL)
    obey(line);
  return 0;
}
