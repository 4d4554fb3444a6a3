/*
 * The bar: a bare epoll echo server, one thread, no memory per connection.
 * Prints {"port":N} when it listens and ends when its standard input ends.
 */
#include "common.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { kAcceptBatch = 64, kEventBatch = 256, kReceiveBytes = 64 * 1024, kBacklog = 65535 };

static char receive_buffer[kReceiveBytes];

static void watch(int epoll, int fd, uint32_t events) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  check(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

static int listen_on_loopback(void) {
  const int fd = check(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
  const struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  check(bind(fd, (const struct sockaddr*)&address, sizeof address), "bind");
  check(listen(fd, kBacklog), "listen");
  return fd;
}

static void announce_port(int listener) {
  struct sockaddr_in address;
  socklen_t size = sizeof address;
  check(getsockname(listener, (struct sockaddr*)&address, &size), "getsockname");
  printf("{\"port\":%d}\n", ntohs(address.sin_port));
  fflush(stdout);
}

/* The listener is level-triggered: what one batch leaves behind is reported again. */
static void accept_some(int epoll, int listener) {
  for (int i = 0; i < kAcceptBatch; i++) {
    const int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EAGAIN) return;
      if (errno == ECONNABORTED || errno == EINTR) continue;
      die("accept4");
    }
    watch(epoll, fd, EPOLLIN | EPOLLRDHUP | EPOLLET);
  }
}

/* A receive that does not fill the buffer emptied the socket: new bytes raise a new edge.
 * A peer whose replies no longer fit its socket buffer is dropped; the bench never has one. */
static void echo(int fd, uint32_t events) {
  if (!(events & (EPOLLERR | EPOLLHUP))) {
    for (;;) {
      const ssize_t received = recv(fd, receive_buffer, kReceiveBytes, 0);
      if (received < 0 && errno == EAGAIN) return;
      if (received <= 0 || send(fd, receive_buffer, (size_t)received, MSG_NOSIGNAL) != received) break;
      if (received < kReceiveBytes && !(events & EPOLLRDHUP)) return;
    }
  }
  close(fd);
}

static int input_ended(void) {
  char ignored[256];
  return read(STDIN_FILENO, ignored, sizeof ignored) <= 0;
}

int main(void) {
  raise_descriptor_limit();
  const int epoll = check(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  const int listener = listen_on_loopback();
  watch(epoll, listener, EPOLLIN);
  watch(epoll, STDIN_FILENO, EPOLLIN);
  announce_port(listener);

  struct epoll_event events[kEventBatch];
  for (;;) {
    const int count = epoll_wait(epoll, events, kEventBatch, -1);
    if (count < 0 && errno != EINTR) die("epoll_wait");
    for (int i = 0; i < count; i++) {
      const int fd = events[i].data.fd;
      if (fd == listener) {
        accept_some(epoll, listener);
      } else if (fd == STDIN_FILENO) {
        if (input_ended()) return 0;
      } else {
        echo(fd, events[i].events);
      }
    }
  }
}
