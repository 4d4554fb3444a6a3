// The walk through the kernel's socket table: what it finds, and what it leaves out.

#include "linux/socket_table.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "test/descriptors.h"
#include "test/local_sockets.h"
#include "test/own_network.h"

using namespace connscale;
using namespace connscale::test;

namespace {

AddressRange range_of(const char* first, const char* last) {
  const SocketAddress low = address_of(first, 0);
  return {low.family, low.bytes, address_of(last, 0).bytes};
}

AddressRange only(const char* address) { return range_of(address, address); }

std::string text_of(const SocketAddress& address) {
  char text[platform::kAddressTextMax];
  platform::format_address(address, text);
  return std::string(text) + " " + std::to_string(address.port);
}

/// "state local local-port remote remote-port", sorted.
std::multiset<std::string> find(const SocketQuery& query) {
  std::multiset<std::string> found;
  bool interrupted = false;
  const Result<void> walked = platform::for_each_socket(query, &interrupted, [&](const SocketRow& row) {
    found.insert(std::to_string(static_cast<int>(row.state)) + " " + text_of(row.local) +
                 (row.remote.family == Family::kNone ? "" : " " + text_of(row.remote)));
    return true;
  });
  REQUIRE(walked.ok());
  CHECK_FALSE(interrupted);
  return found;
}

/// Connections from three addresses and two families to one dual-stack server, a bound socket and an IPv4 listener.
struct Scene {
  platform::OwnedSocket server = listen_on(address_of("::", 7001), 512);
  platform::OwnedSocket listener = listen_on(address_of("127.0.0.1", 7002));
  std::vector<platform::OwnedSocket> sockets;

  Scene() {
    connect("127.0.0.2", 5001, "127.0.0.1", 7001);
    connect("127.0.0.3", 5001, "127.0.0.1", 7002);
    connect("127.0.1.4", 5002, "127.0.0.1", 7001);
    connect("::1", 5003, "::1", 7001);
    sockets.push_back(open_socket(address_of("127.0.0.2", 0)));
    REQUIRE(try_bind(sockets.back(), address_of("127.0.0.2", 5004)) == 0);
  }

  void connect(const char* source, uint16_t port, const char* destination, uint16_t destination_port) {
    Attempt made = attempt(Claim::kReuseAddress, address_of(source, port), address_of(destination, destination_port));
    REQUIRE(made.outcome == "ok");
    sockets.push_back(std::move(made.socket));
  }
};

using Rows = std::multiset<std::string>;

}  // namespace

TEST_CASE("every socket is found once, mapped addresses as IPv4") {
  if (!enter_own_network()) return;
  const Scene scene;
  CHECK(find(SocketQuery{}) == Rows{
                                   "10 127.0.0.1 7002",
                                   "10 :: 7001",
                                   "13 127.0.0.2 5004",
                                   "1 127.0.0.2 5001 127.0.0.1 7001",
                                   "1 127.0.0.1 7001 127.0.0.2 5001",
                                   "1 127.0.0.3 5001 127.0.0.1 7002",
                                   "1 127.0.0.1 7002 127.0.0.3 5001",
                                   "1 127.0.1.4 5002 127.0.0.1 7001",
                                   "1 127.0.0.1 7001 127.0.1.4 5002",
                                   "1 ::1 5003 ::1 7001",
                                   "1 ::1 7001 ::1 5003",
                               });
}

TEST_CASE("a family leaves the other out; a dual-stack listener is of both") {
  if (!enter_own_network()) return;
  const Scene scene;
  SocketQuery query;
  query.family = Family::kIPv6;
  CHECK(find(query) == Rows{"10 :: 7001", "1 ::1 5003 ::1 7001", "1 ::1 7001 ::1 5003"});
  query.family = Family::kIPv4;
  query.states = kUnconnectedStates;
  CHECK(find(query) == Rows{"10 127.0.0.1 7002", "10 :: 7001", "13 127.0.0.2 5004"});
  query.states = state_bit(SocketState::kTimeWait);
  CHECK(find(query).empty());
}

TEST_CASE("sources are ranges, and need not be networks") {
  if (!enter_own_network()) return;
  const Scene scene;
  SocketQuery query;
  query.states = kConnectedStates;
  query.sources = {range_of("127.0.0.3", "127.0.1.3"), only("::1")};
  CHECK(find(query) == Rows{"1 127.0.0.3 5001 127.0.0.1 7002", "1 ::1 5003 ::1 7001", "1 ::1 7001 ::1 5003"});
  query.source_port = 5001;
  CHECK(find(query) == Rows{"1 127.0.0.3 5001 127.0.0.1 7002"});
  query.sources = {only("127.0.0.99")};
  CHECK(find(query).empty());
  query.sources.clear();
  CHECK(find(query) == Rows{"1 127.0.0.2 5001 127.0.0.1 7001", "1 127.0.0.3 5001 127.0.0.1 7002"});
}

TEST_CASE(
    "overlapping sources in any order find a socket once, and so do more of them than the kernel is asked about") {
  if (!enter_own_network()) return;
  const Scene scene;
  SocketQuery query;
  query.states = kConnectedStates;
  query.source_port = 5001;
  query.sources = {range_of("127.0.0.3", "127.0.0.9"), range_of("127.0.0.1", "127.0.0.5"), only("127.0.0.2")};
  const Rows both{"1 127.0.0.2 5001 127.0.0.1 7001", "1 127.0.0.3 5001 127.0.0.1 7002"};
  CHECK(find(query) == both);
  query.sources = {only("127.0.0.2"), only("127.0.0.3"), only("2001:db8::1")};
  for (int i = 0; i < 200; ++i)
    query.sources.push_back(only(("10.0.0." + std::to_string(i)).c_str()));
  CHECK(find(query) == both);
}

TEST_CASE("destinations have an address, a port, or both, and leave out what has no peer") {
  if (!enter_own_network()) return;
  const Scene scene;
  SocketQuery query;
  query.sources = {range_of("127.0.0.2", "127.255.255.255")};
  query.destinations = {{only("127.0.0.1"), 7002}};
  CHECK(find(query) == Rows{"1 127.0.0.3 5001 127.0.0.1 7002"});
  query.destinations = {{only("127.0.0.1"), 7002}, {AddressRange{}, 7001}};
  CHECK(find(query).size() == 3);
  query.destinations = {{only("127.0.0.7"), 0}};
  CHECK(find(query).empty());
  query.destinations.assign(200, {only("127.0.0.1"), 7002});
  CHECK(find(query) == Rows{"1 127.0.0.3 5001 127.0.0.1 7002"});
  query.destinations = {{only("::1"), 0}};
  CHECK(find(query).empty());
}

TEST_CASE("sockets of every address are found with any source when they are asked for") {
  if (!enter_own_network()) return;
  const Scene scene;
  SocketQuery query;
  query.states = kUnconnectedStates;
  query.sources = {only("127.0.0.2")};
  CHECK(find(query) == Rows{"13 127.0.0.2 5004"});
  query.wildcards = true;
  CHECK(find(query) == Rows{"13 127.0.0.2 5004", "10 :: 7001"});
  query.sources = {only("::1")};
  CHECK(find(query) == Rows{"10 :: 7001"});
}

TEST_CASE("a listener's row has its queue: how many wait, and how many may") {
  if (!enter_own_network()) return;
  const platform::OwnedSocket server = listen_on(address_of("127.0.0.1", 7009), 5);
  const Attempt waiting = attempt(Claim::kPlain, address_of("127.0.0.2", 5009), address_of("127.0.0.1", 7009));
  REQUIRE(waiting.outcome == "ok");
  SocketQuery query;
  query.states = state_bit(SocketState::kListen);
  query.source_port = 7009;
  bool interrupted = false;
  int rows = 0;
  const Result<void> walked = platform::for_each_socket(query, &interrupted, [&](const SocketRow& row) {
    CHECK(row.receive_queue == 1);
    CHECK(row.send_queue == 5);
    ++rows;
    return true;
  });
  CHECK(walked.ok());
  CHECK(rows == 1);
}

TEST_CASE("more sockets than one buffer of the kernel holds are all found, and a walk may end early") {
  if (!enter_own_network()) return;
  const platform::OwnedSocket server = listen_on(address_of("127.0.0.1", 7001), 2048);
  std::vector<platform::OwnedSocket> clients;
  for (uint16_t i = 0; i < 900; ++i) {
    Attempt made = attempt(Claim::kPlain, address_of("127.0.0.2", 10'000 + i), local_of(server));
    REQUIRE(made.outcome == "ok");
    clients.push_back(std::move(made.socket));
  }
  SocketQuery query;
  query.sources = {only("127.0.0.2")};
  CHECK(find(query).size() == 900);
  bool interrupted = false;
  int visited = 0;
  CHECK(platform::for_each_socket(query, &interrupted, [&](const SocketRow&) { return ++visited < 3; }).ok());
  CHECK(visited == 3);
}

TEST_CASE("the probe tells whether bound sockets are listed, and is no socket of anybody's") {
  if (!enter_own_network()) return;
  platform::BoundProbe probe;
  REQUIRE(probe.known());
  CHECK_FALSE(probe.met());
  bool interrupted = false;
  int others = 0;
  CHECK(platform::for_each_socket(SocketQuery{}, &interrupted, [&](const SocketRow& row) {
          if (!probe.is(row)) ++others;
          return true;
        }).ok());
  CHECK(probe.met());
  CHECK(others == 0);
}

TEST_CASE("without a descriptor the walk fails with EMFILE from socket, and the probe knows nothing") {
  if (!enter_own_network()) return;
  const LoweredLimit limit(64);
  std::vector<platform::OwnedHandle> held;
  open_all(held);
  bool interrupted = false;
  const Result<void> walked =
      platform::for_each_socket(SocketQuery{}, &interrupted, [](const SocketRow&) { return true; });
  REQUIRE_FALSE(walked.ok());
  CHECK(walked.failure().code == error::kEMFILE);
  CHECK(walked.failure().call == Call::kSocket);
  CHECK_FALSE(platform::BoundProbe().known());
}
