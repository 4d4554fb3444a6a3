/* One client connection: where it comes from, how it is opened, how it is reset. */
#include "load.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/* Two thousand connections per address stay far below the half of the automatic port range where the search
 * for a free port becomes slow. */
enum { kConnectionsPerSource = 2000, kSourcesMin = 16 };

const char message[kMessageBytes] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+";

static struct in_addr source_of(const struct load* load, unsigned index) {
  const unsigned host = index % kSourcesMin + index / (kConnectionsPerSource * kSourcesMin) * kSourcesMin;
  return (struct in_addr){.s_addr = htonl(127u << 24 | load->source_network << 16 | (host + 1))};
}

int open_bound_socket(const struct load* load, unsigned index) {
  const int on = 1;
  /* Bounds the blocking connect when the server does not accept. */
  const struct timeval patience = {.tv_sec = (time_t)(load->limit_ns / 1000000000u)};
  const struct sockaddr_in source = {.sin_family = AF_INET, .sin_addr = source_of(load, index)};
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  check(setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on), "IP_BIND_ADDRESS_NO_PORT");
  check(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience), "SO_SNDTIMEO");
  check(bind(fd, (const struct sockaddr*)&source, sizeof source), "bind");
  return fd;
}

/* Over loopback the handshake is over when connect(2) returns, so blocking costs nothing and leaves no doubt. */
int establish(const struct load* load, int fd) {
  const struct sockaddr_in target = {
      .sin_family = AF_INET, .sin_port = htons(load->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  return connect(fd, (const struct sockaddr*)&target, sizeof target);
}

/* Disconnecting (connect(2), AF_UNSPEC) sends the RST that SO_LINGER{1,0} and close(2) would send, and keeps the
 * socket, its address and its epoll registration: the generator spends a third less, the server sees no difference. */
void reset_for_reuse(int fd) {
  const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
  check(connect(fd, &nobody, sizeof nobody), "connect(AF_UNSPEC)");
}

void reset_and_close(int fd) {
  const struct linger abort_at_close = {.l_onoff = 1, .l_linger = 0};
  check(setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort_at_close, sizeof abort_at_close), "SO_LINGER");
  close(fd);
}

void fail(struct load* load, int error) { load->failures[error > 0 && error < kErrnoMax ? error : 0]++; }
