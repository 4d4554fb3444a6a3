/* One loop: as many connects in flight as allowed, the next one for each that is over. */
#include "connect.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { kEventBatch = 512, kWaitMs = 1000 };

static const uint32_t kEvents = EPOLLOUT | EPOLLIN | EPOLLRDHUP | EPOLLET;

void prepare_loop(struct loop* loop) {
  const struct plan* const plan = loop->plan;
  const unsigned ports = (plan->port_high - plan->port_low + 1u) / plan->loops;
  loop->count = plan->count / plan->loops;
  loop->port_low = plan->port_low + loop->index * ports;
  loop->port_high = loop->port_low + ports - 1;
  loop->connections = calloc(loop->count, sizeof *loop->connections);
  loop->started_ns = calloc(loop->count, sizeof *loop->started_ns);
  if (loop->connections == NULL || loop->started_ns == NULL) die("calloc");
  loop->epoll = check(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
}

static void fail(struct loop* loop, int error) { loop->failures[error > 0 && error < kErrnoMax ? error : 0]++; }

/* SO_REUSEADDR lets a port serve several destinations, and one whose last connection is in TIME_WAIT. */
static int open_socket(void) {
  const int on = 1;
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd >= 0) check(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), "SO_REUSEADDR");
  return fd;
}

/* Registers after connect(2): a socket that has not begun to connect is ready at once (EPOLLOUT | EPOLLHUP). */
static int connect_from(const struct loop* loop, int fd, unsigned port, unsigned index) {
  const struct plan* const plan = loop->plan;
  struct sockaddr_in source = plan->source;
  struct epoll_event event = {.events = kEvents, .data.u32 = index};
  source.sin_port = htons((in_port_t)port);
  if (bind(fd, (const struct sockaddr*)&source, sizeof source) < 0) return -1;
  if (connect(fd, (const struct sockaddr*)&plan->destination, sizeof plan->destination) < 0 && errno != EINPROGRESS)
    return -1;
  return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event);
}

/* A port that somebody else uses is skipped: bind(2) finds a listener on it, connect(2) the same pair of addresses. */
static int open_from_next_port(struct loop* loop, unsigned index) {
  while (loop->next_port <= loop->port_high) {
    const int fd = open_socket();
    if (fd < 0 || connect_from(loop, fd, loop->next_port++, index) == 0) return fd;
    const int error = errno;
    close(fd);
    errno = error;
    if (error != EADDRINUSE && error != EADDRNOTAVAIL) return -1;
    loop->ports_skipped++;
  }
  errno = EADDRNOTAVAIL;
  return -1;
}

static void begin_next(struct loop* loop) {
  const unsigned index = loop->begun++;
  struct connection* const connection = &loop->connections[index];
  if (loop->plan->timed) loop->started_ns[index] = now_ns();
  connection->open = false;
  connection->fd = open_from_next_port(loop, index);
  if (connection->fd < 0)
    fail(loop, errno);
  else
    loop->in_flight++;
}

static void give_up(struct loop* loop, struct connection* connection, int error) {
  fail(loop, error);
  close(connection->fd);
  connection->fd = -1;
}

static int socket_error(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  check(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size), "SO_ERROR");
  return error;
}

static void finish_connect(struct loop* loop, unsigned index, uint32_t events, uint64_t now) {
  struct connection* const connection = &loop->connections[index];
  if (connection->open || connection->fd < 0) return; /* an acceptor that closes early shows in what it holds */
  loop->in_flight--;
  if (events & EPOLLERR) {
    give_up(loop, connection, socket_error(connection->fd));
    return;
  }
  connection->open = true;
  loop->opened++;
  if (!loop->plan->timed) return;
  const uint64_t took = now - loop->started_ns[index];
  if (took > loop->slowest_ns) loop->slowest_ns = took;
}

static void note_marks(struct plan* plan, unsigned opened) {
  while (plan->marks_passed < kMarks && opened >= plan->marks[plan->marks_passed])
    plan->moments[plan->marks_passed++] = (struct moment){.at_ns = now_ns(), .opened = opened};
}

static uint64_t finish_some(struct loop* loop) {
  struct epoll_event events[kEventBatch];
  const int count = check(epoll_wait(loop->epoll, events, kEventBatch, kWaitMs), "epoll_wait");
  const uint64_t now = now_ns();
  for (int i = 0; i < count; i++)
    finish_connect(loop, events[i].data.u32, events[i].events, now);
  if (loop->plan->marks[0] > 0) note_marks(loop->plan, loop->plan->opened_earlier + loop->opened);
  return now;
}

static void give_up_rest(struct loop* loop) {
  for (unsigned i = 0; i < loop->begun; i++) {
    struct connection* const connection = &loop->connections[i];
    if (!connection->open && connection->fd >= 0) give_up(loop, connection, ETIMEDOUT);
  }
  loop->failures[ETIMEDOUT] += loop->count - loop->begun;
}

static void forget_last_time(struct loop* loop) {
  loop->begun = loop->in_flight = loop->opened = loop->ports_skipped = 0;
  loop->next_port = loop->port_low;
  loop->slowest_ns = 0;
  memset(loop->failures, 0, sizeof loop->failures);
}

void open_all(struct loop* loop) {
  struct plan* const plan = loop->plan;
  const uint64_t deadline = plan->started_ns + plan->limit_ns;
  forget_last_time(loop);
  while (loop->begun < loop->count || loop->in_flight > 0) {
    while (loop->in_flight < plan->in_flight_max && loop->begun < loop->count)
      begin_next(loop);
    if (loop->in_flight > 0 && finish_some(loop) > deadline) {
      give_up_rest(loop);
      break;
    }
  }
  if (plan->marks[0] > 0) plan->opened_earlier += loop->opened;
}

void reset_all(struct loop* loop) {
  const struct linger abort_at_close = {.l_onoff = 1, .l_linger = 0};
  for (unsigned i = 0; i < loop->begun; i++) {
    const int fd = loop->connections[i].fd;
    if (fd < 0) continue;
    check(setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort_at_close, sizeof abort_at_close), "SO_LINGER");
    close(fd);
  }
  loop->begun = 0;
}
