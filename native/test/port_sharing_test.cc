// The kernel's rules for sharing a source port that a port allocator relies on, each asked of the kernel itself.

#include <doctest/doctest.h>

#include <vector>

#include "test/local_sockets.h"
#include "test/own_network.h"

using namespace connscale;
using namespace connscale::test;

namespace {

constexpr const char* kInUse = "bind EADDRINUSE";
constexpr const char* kNotAvailable = "connect EADDRNOTAVAIL";
constexpr const char* kOk = "ok";
constexpr Claim kClaims[] = {Claim::kPlain, Claim::kReuseAddress, Claim::kReusePort, Claim::kRange};
constexpr Claim kExplicit[] = {Claim::kPlain, Claim::kReuseAddress, Claim::kReusePort};

struct Servers {
  platform::OwnedSocket first = listen_on(address_of("127.0.0.1", 7001));
  platform::OwnedSocket second = listen_on(address_of("127.0.0.1", 7002));
  SocketAddress one = local_of(first);
  SocketAddress other = local_of(second);
};

/// Inside the default range, a new one for each question.
uint16_t fresh_port() {
  static uint16_t next = 40'000;
  return next++;
}

/// The outcome of `second` after `first` has connected from the same address and port to another destination.
std::string after(Claim first, Claim second) {
  const Servers servers;
  const SocketAddress source = address_of("127.0.0.2", fresh_port());
  const Attempt holder = attempt(first, source, servers.one);
  REQUIRE(holder.outcome == kOk);
  return attempt(second, source, servers.other).outcome;
}

/// A connection from `source` that this side has closed, its TIME_WAIT here.
void leave_time_wait(const platform::OwnedSocket& server, Claim how, const SocketAddress& source) {
  Attempt client = attempt(how, source, local_of(server));
  REQUIRE(client.outcome == kOk);
  const platform::OwnedSocket accepted(::accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC));
  REQUIRE(accepted.valid());
  client.socket.reset();
  char byte = 0;
  REQUIRE(::recv(accepted.get(), &byte, 1, 0) == 0);  // our FIN is there; its answer ends the connection
}

bool is_in_time_wait(const SocketAddress& source) {
  SocketQuery query;
  query.states = state_bit(SocketState::kTimeWait);
  query.source_port = source.port;
  query.sources = {AddressRange{source.family, source.bytes, source.bytes}};
  bool found = false;
  bool interrupted = false;
  const Result<void> walked = platform::for_each_socket(query, &interrupted, [&](const SocketRow&) {
    found = true;
    return false;
  });
  REQUIRE(walked.ok());
  return found;
}

}  // namespace

TEST_CASE("one source port, two destinations: who may share with whom") {
  if (!enter_own_network()) return;
  const char* const expected[4][4] = {
      {kInUse, kInUse, kInUse, kNotAvailable},
      {kInUse, kOk, kInUse, kNotAvailable},
      {kInUse, kInUse, kOk, kNotAvailable},
      {kInUse, kInUse, kInUse, kOk},
  };
  for (int first = 0; first < 4; ++first) {
    for (int second = 0; second < 4; ++second) {
      CAPTURE(first);
      CAPTURE(second);
      CHECK(after(kClaims[first], kClaims[second]) == expected[first][second]);
    }
  }
}

TEST_CASE("a port that the kernel chose is shared with an explicit bind when both have SO_REUSEADDR") {
  if (!enter_own_network()) return;
  CHECK(after(Claim::kRangeReuse, Claim::kReuseAddress) == kOk);
}

TEST_CASE("a taken source and destination is refused by bind without sharing, by connect with it") {
  if (!enter_own_network()) return;
  const Servers servers;
  for (const Claim how : {Claim::kPlain, Claim::kReuseAddress, Claim::kReusePort, Claim::kRange}) {
    const SocketAddress source = address_of("127.0.0.2", fresh_port());
    const Attempt holder = attempt(how, source, servers.one);
    REQUIRE(holder.outcome == kOk);
    CHECK(attempt(how, source, servers.one).outcome == (how == Claim::kPlain ? kInUse : kNotAvailable));
  }
}

TEST_CASE("a port is free on another source address, to the same destination, for every explicit bind") {
  if (!enter_own_network()) return;
  const Servers servers;
  for (const Claim first : kExplicit) {
    for (const Claim second : kExplicit) {
      const uint16_t port = fresh_port();
      const Attempt holder = attempt(first, address_of("127.0.0.2", port), servers.one);
      REQUIRE(holder.outcome == kOk);
      CHECK(attempt(second, address_of("127.0.0.3", port), servers.one).outcome == kOk);
    }
  }
}

TEST_CASE("a port bound explicitly on any address, or listened on, is not chosen by the kernel on any other") {
  if (!enter_own_network()) return;
  const Servers servers;
  for (const Claim how : kExplicit) {
    const uint16_t port = fresh_port();
    const Attempt holder = attempt(how, address_of("127.0.0.2", port), servers.one);
    REQUIRE(holder.outcome == kOk);
    CHECK(attempt(Claim::kRange, address_of("127.0.0.3", port), servers.other).outcome == kNotAvailable);
  }
  const platform::OwnedSocket listener = listen_on(address_of("127.0.0.2", fresh_port()));
  const uint16_t listened = local_of(listener).port;
  CHECK(attempt(Claim::kRange, address_of("127.0.0.3", listened), servers.other).outcome == kNotAvailable);
}

TEST_CASE("SO_REUSEADDR does not share with a listener, at its address or at all of them") {
  if (!enter_own_network()) return;
  const Servers servers;
  for (const char* const address : {"127.0.0.2", "0.0.0.0"}) {
    const SocketAddress listening = address_of(address, fresh_port());
    const platform::OwnedSocket listener = open_socket(listening);
    set_flag(listener, SOL_SOCKET, SO_REUSEADDR);
    REQUIRE(try_bind(listener, listening) == 0);
    REQUIRE(::listen(listener.get(), 1) == 0);
    CHECK(attempt(Claim::kReuseAddress, address_of("127.0.0.2", listening.port), servers.one).outcome == kInUse);
  }
}

TEST_CASE("a dual-stack listener takes the IPv4 port, one of IPv6 alone leaves it") {
  if (!enter_own_network()) return;
  const Servers servers;
  for (const uint32_t ipv6_only : {0U, 1U}) {
    const SocketAddress listening = address_of("::", fresh_port());
    const platform::OwnedSocket listener = open_socket(listening);
    set_flag(listener, IPPROTO_IPV6, IPV6_V6ONLY, ipv6_only);
    REQUIRE(try_bind(listener, listening) == 0);
    REQUIRE(::listen(listener.get(), 1) == 0);
    const std::string outcome =
        attempt(Claim::kReuseAddress, address_of("127.0.0.2", listening.port), servers.one).outcome;
    CHECK(outcome == (ipv6_only != 0 ? kOk : kInUse));
  }
}

TEST_CASE("IP_LOCAL_PORT_RANGE outside of the system's range is ignored; an explicit bind is not bound by it") {
  if (!enter_own_network()) return;
  const Servers servers;
  const Attempt chosen = attempt(Claim::kRange, address_of("127.0.0.2", 20'000), servers.one);
  REQUIRE(chosen.outcome == kOk);
  CHECK(local_of(chosen.socket).port >= 32'768);
  CHECK(attempt(Claim::kPlain, address_of("127.0.0.2", 20'001), servers.one).outcome == kOk);
}

TEST_CASE("a reserved port is never chosen by the kernel, and may be bound explicitly") {
  if (!enter_own_network()) return;
  const Servers servers;
  const uint16_t port = fresh_port();
  write_sysctl("/proc/sys/net/ipv4/ip_local_reserved_ports", std::to_string(port));
  CHECK(attempt(Claim::kRange, address_of("127.0.0.2", port), servers.one).outcome == kNotAvailable);
  CHECK(attempt(Claim::kPlain, address_of("127.0.0.2", port), servers.one).outcome == kOk);
}

TEST_CASE("every address of 127.0.0.0/8 may be a source, without being configured") {
  if (!enter_own_network()) return;
  const Servers servers;
  for (const char* const source : {"127.0.0.9", "127.9.9.9", "127.255.255.254"})
    CHECK(attempt(Claim::kPlain, address_of(source, fresh_port()), servers.one).outcome == kOk);
}

TEST_CASE("the side that ends first keeps a TIME_WAIT; a reset leaves none") {
  if (!enter_own_network()) return;
  const Servers servers;
  const SocketAddress ended = address_of("127.0.0.2", fresh_port());
  leave_time_wait(servers.first, Claim::kPlain, ended);
  CHECK(is_in_time_wait(ended));
  const SocketAddress gone = address_of("127.0.0.2", fresh_port());
  Attempt client = attempt(Claim::kPlain, gone, servers.one);
  REQUIRE(client.outcome == kOk);
  const linger at_once{1, 0};
  REQUIRE(::setsockopt(client.socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) == 0);
  client.socket.reset();
  CHECK_FALSE(is_in_time_wait(gone));
}

TEST_CASE(
    "a connection in TIME_WAIT is made anew at once by an explicit bind with SO_REUSEADDR, whatever tcp_tw_reuse") {
  if (!enter_own_network()) return;
  for (const char* const reuse : {"0", "1", "2"}) {
    const Servers servers;
    write_sysctl("/proc/sys/net/ipv4/tcp_tw_reuse", reuse);
    const SocketAddress source = address_of("127.0.0.2", fresh_port());
    leave_time_wait(servers.first, Claim::kReuseAddress, source);
    CHECK(attempt(Claim::kPlain, source, servers.one).outcome == kInUse);
    CHECK(attempt(Claim::kReuseAddress, source, servers.one).outcome == kOk);
  }
}

TEST_CASE("the kernel chooses the port of a TIME_WAIT again only where tcp_tw_reuse lets it") {
  if (!enter_own_network()) return;
  const Servers servers;
  write_sysctl("/proc/sys/net/ipv4/tcp_tw_reuse", "0");
  const SocketAddress chosen = address_of("127.0.0.2", fresh_port());
  leave_time_wait(servers.first, Claim::kRange, chosen);
  const SocketAddress bound = address_of("127.0.0.2", fresh_port());
  leave_time_wait(servers.first, Claim::kReuseAddress, bound);
  CHECK(attempt(Claim::kRange, chosen, servers.one).outcome == kNotAvailable);
  write_sysctl("/proc/sys/net/ipv4/tcp_tw_reuse", "1");
  // One second after it began (tcp_tw_reuse_delay), of which nothing tells but trying again.
  std::string outcome;
  for (const uint64_t start = platform::now_ms(); outcome != kOk && platform::now_ms() - start < 10'000;)
    outcome = attempt(Claim::kRange, chosen, servers.one).outcome;
  CHECK(outcome == kOk);
  // What was bound explicitly stays out of the kernel's choice as long as its TIME_WAIT.
  CHECK(attempt(Claim::kRange, bound, servers.one).outcome == kNotAvailable);
}
