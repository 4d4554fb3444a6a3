/* echo and churn: a fixed number of connections in flight, each soon reset and replaced by the next. */
#include "load.h"

#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { kEventBatch = 128, kQueueCheckInterval = 32 };

struct slot {
  int fd;
  bool open;
  unsigned received;
};

struct turnover {
  struct load* load;
  struct slot* slots;
  unsigned started, ended;
};

static struct turnover open_slots(struct load* load) {
  struct slot* const slots = calloc(load->concurrency, sizeof *slots);
  if (slots == NULL) die("calloc");
  for (unsigned i = 0; i < load->concurrency; i++)
    slots[i].fd = check(open_bound_socket(load, i), "socket");
  return (struct turnover){.load = load, .slots = slots};
}

static void finish(struct turnover* run, uint64_t start_ns) {
  run->load->failures[ETIMEDOUT] += run->load->count - run->ended;
  report_and_wait(run->load, start_ns);
}

static void end_connection(struct turnover* run, struct slot* slot, int error) {
  if (error == 0)
    run->load->completed++;
  else
    fail(run->load, error);
  run->ended++;
  slot->open = false;
  reset_for_reuse(slot->fd);
}

/* echo */

static int watch_slots(const struct turnover* run) {
  const int epoll = check(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  for (unsigned i = 0; i < run->load->concurrency; i++) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u32 = i};
    check(epoll_ctl(epoll, EPOLL_CTL_ADD, run->slots[i].fd, &event), "epoll_ctl");
  }
  return epoll;
}

/* Starts the slot's next connection, if one is left; one that fails at once makes room for another. */
static void ask_next(struct turnover* run, struct slot* slot) {
  while (!slot->open && run->started < run->load->count) {
    run->started++;
    slot->received = 0;
    slot->open =
        establish(run->load, slot->fd) == 0 && send(slot->fd, message, kMessageBytes, MSG_NOSIGNAL) == kMessageBytes;
    if (!slot->open) end_connection(run, slot, errno);
  }
}

static void read_reply(struct turnover* run, struct slot* slot) {
  char reply[kMessageBytes];
  const ssize_t received = recv(slot->fd, reply, kMessageBytes - slot->received, MSG_DONTWAIT);
  if (received <= 0) {
    if (received == 0 || errno != EAGAIN) end_connection(run, slot, received == 0 ? EPIPE : errno);
    return;
  }
  const bool right = memcmp(reply, message + slot->received, (size_t)received) == 0;
  slot->received += (unsigned)received;
  if (!right || slot->received == kMessageBytes) end_connection(run, slot, right ? 0 : EBADMSG);
}

/* Never sleeps in epoll_wait(2): waking this thread would be charged to the server, which sends the reply. */
void run_echo(struct load* load) {
  struct turnover run = open_slots(load);
  const int epoll = watch_slots(&run);
  announce_ready_and_wait();

  const uint64_t start = now_ns();
  for (unsigned i = 0; i < load->concurrency; i++)
    ask_next(&run, &run.slots[i]);
  while (run.ended < load->count && now_ns() - start < load->limit_ns) {
    struct epoll_event events[kEventBatch];
    const int count = check(epoll_wait(epoll, events, kEventBatch, 0), "epoll_wait");
    for (int i = 0; i < count; i++) {
      struct slot* const slot = &run.slots[events[i].data.u32];
      if (slot->open) read_reply(&run, slot);
      ask_next(&run, slot);
    }
  }
  finish(&run, start);
}

/* churn */

static void replace(struct turnover* run, struct slot* slot) {
  if (slot->open) end_connection(run, slot, 0);
  if (run->started == run->load->count) return;
  run->started++;
  slot->open = establish(run->load, slot->fd) == 0;
  if (!slot->open) end_connection(run, slot, errno);
}

/* The server says nothing, so its accept queue tells how far it is: a connection counts as in flight until the
 * server has accepted it, and the load is over when the queue is empty. */
void run_churn(struct load* load) {
  struct turnover run = open_slots(load);
  open_queue_probe(load->port);
  announce_ready_and_wait();

  const uint64_t start = now_ns(), deadline = start + load->limit_ns;
  for (unsigned i = 0; run.ended < load->count; i++) {
    if (i % kQueueCheckInterval == 0 && wait_for_accept_queue(load->concurrency / 2, deadline) < 0) break;
    replace(&run, &run.slots[i % load->concurrency]);
  }
  if (wait_for_accept_queue(0, deadline) < 0) fail(load, ETIMEDOUT);
  finish(&run, start);
}
