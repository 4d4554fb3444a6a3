/* pingpong and hold: connections that stay open. */
#include "load.h"

#include <sys/epoll.h>
#include <sys/socket.h>

enum { kEventBatch = 1024, kHeldMax = 100000, kQueueDepthMax = 128, kQueueCheckInterval = 64 };

/* Opens connections until `wanted` are held; a failure ends the attempt. Returns how many are held. */
static unsigned hold_up_to(struct load* load, int* held, unsigned count, unsigned wanted) {
  const uint64_t deadline = now_ns() + load->limit_ns;
  while (count < wanted) {
    if (count % kQueueCheckInterval == 0 && wait_for_accept_queue(kQueueDepthMax, deadline) < 0) {
      fail(load, ETIMEDOUT);
      return count;
    }
    const int fd = open_bound_socket(load, count);
    if (fd < 0 || establish(load, fd) < 0) {
      fail(load, errno);
      if (fd >= 0) reset_and_close(fd);
      return count;
    }
    held[count++] = fd;
  }
  if (wait_for_accept_queue(0, deadline) < 0) fail(load, ETIMEDOUT);
  return count;
}

static unsigned release_down_to(int* held, unsigned count, unsigned wanted) {
  while (count > wanted)
    reset_and_close(held[--count]);
  return count;
}

/* Each input line is a number of connections to hold from now on. */
void run_hold(struct load* load) {
  static int held[kHeldMax];
  char line[64];
  unsigned count = 0;
  open_queue_probe(load->port);
  announce_ready_and_wait();

  while (fgets(line, sizeof line, stdin) != NULL) {
    const unsigned long wanted = strtoul(line, NULL, 10);
    const uint64_t start = now_ns();
    if (wanted > kHeldMax)
      fail(load, EINVAL);
    else if (wanted > count)
      count = hold_up_to(load, held, count, (unsigned)wanted);
    else
      count = release_down_to(held, count, (unsigned)wanted);
    load->completed = count;
    report_result(load, start);
  }
  release_down_to(held, count, 0);
}

/* pingpong */

struct rally {
  int fd;
  unsigned received;
};

static void serve(struct load* load, struct rally* rally, unsigned* sent) {
  if (*sent == load->count) return;
  if (send(rally->fd, message, kMessageBytes, MSG_NOSIGNAL) != kMessageBytes) fail(load, errno);
  rally->received = 0;
  ++*sent;
}

static void return_serve(struct load* load, struct rally* rally, unsigned* sent) {
  char reply[kMessageBytes];
  const ssize_t received = recv(rally->fd, reply, kMessageBytes - rally->received, MSG_DONTWAIT);
  if (received < 0 && errno == EAGAIN) return;
  if (received <= 0 || memcmp(reply, message + rally->received, (size_t)received) != 0) {
    fail(load, received < 0 ? errno : EBADMSG);
    return;
  }
  rally->received += (unsigned)received;
  if (rally->received < kMessageBytes) return;
  load->completed++;
  serve(load, rally, sent);
}

static int open_rallies(struct load* load, struct rally* rallies) {
  const int epoll = check(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  for (unsigned i = 0; i < load->concurrency; i++) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = &rallies[i]};
    if (i % kQueueCheckInterval == 0 && wait_for_accept_queue(kQueueDepthMax, now_ns() + load->limit_ns) < 0)
      die("accept queue");
    rallies[i].fd = check(open_bound_socket(load, i), "socket");
    check(establish(load, rallies[i].fd), "connect");
    check(epoll_ctl(epoll, EPOLL_CTL_ADD, rallies[i].fd, &event), "epoll_ctl");
  }
  return epoll;
}

/* One message on its way per connection. Never sleeps, for the reason given at run_echo. */
void run_pingpong(struct load* load) {
  struct rally* const rallies = calloc(load->concurrency, sizeof *rallies);
  unsigned sent = 0;
  if (rallies == NULL) die("calloc");
  open_queue_probe(load->port);
  const int epoll = open_rallies(load, rallies);
  announce_ready_and_wait();

  const uint64_t start = now_ns();
  for (unsigned i = 0; i < load->concurrency; i++)
    serve(load, &rallies[i], &sent);
  while (load->completed < load->count && now_ns() - start < load->limit_ns) {
    struct epoll_event events[kEventBatch];
    const int count = check(epoll_wait(epoll, events, kEventBatch, 0), "epoll_wait");
    for (int i = 0; i < count; i++)
      return_serve(load, events[i].data.ptr, &sent);
  }
  if (load->completed < load->count) load->failures[ETIMEDOUT] += load->count - load->completed;
  report_and_wait(load, start);
  for (unsigned i = 0; i < load->concurrency; i++)
    reset_and_close(rallies[i].fd);
}
