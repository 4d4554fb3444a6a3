/*
 * The server's accept queue, as sock_diag(7) tells it.
 * Opening connections without waiting for the server fills that queue, the kernel then drops SYNs, and the load
 * measures retransmission timers. A look at the depth costs about as much as one small system call.
 */
#include "load.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

struct question {
  struct nlmsghdr header;
  struct inet_diag_req_v2 listener;
};

static int probe = -1;
static struct question question;

void open_queue_probe(uint16_t port) {
  probe = check(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG), "socket(NETLINK_SOCK_DIAG)");
  question = (struct question){
      .header = {.nlmsg_len = sizeof question, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST},
      .listener = {.sdiag_family = AF_INET,
                   .sdiag_protocol = IPPROTO_TCP,
                   .idiag_states = ~0u,
                   .id = {.idiag_sport = htons(port),
                          .idiag_src = {htonl(INADDR_LOOPBACK)},
                          .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}}};
}

static unsigned accept_queue_depth(void) {
  union {
    struct nlmsghdr header;
    char bytes[1024];
  } answer;
  check((int)send(probe, &question, sizeof question, 0), "send(NETLINK_SOCK_DIAG)");
  const ssize_t size = recv(probe, &answer, sizeof answer, 0);
  if (size < 0) die("recv(NETLINK_SOCK_DIAG)");
  if (answer.header.nlmsg_type != SOCK_DIAG_BY_FAMILY) {
    const struct nlmsgerr* const error = NLMSG_DATA(&answer.header);
    errno = answer.header.nlmsg_type == NLMSG_ERROR ? -error->error : EPROTO;
    die("SOCK_DIAG_BY_FAMILY for the listener");
  }
  const struct inet_diag_msg* const listener = NLMSG_DATA(&answer.header);
  return listener->idiag_rqueue; /* of a listener: connections not yet accepted */
}

int wait_for_accept_queue(unsigned depth_max, uint64_t deadline_ns) {
  while (accept_queue_depth() > depth_max) {
    const struct timespec pause = {.tv_nsec = 20000};
    if (now_ns() > deadline_ns) return -1;
    nanosleep(&pause, NULL);
  }
  return 0;
}
