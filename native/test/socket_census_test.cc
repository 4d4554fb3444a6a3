// What the census and the marks of ports make of sockets. No kernel is needed.

#include "engine/socket_census.h"

#include <doctest/doctest.h>

#include "engine/port_marks.h"

using namespace connscale;

namespace {

SocketAddress ipv4(uint8_t last, uint16_t port) { return {Family::kIPv4, port, 0, {127, 0, 0, last}}; }

SocketRow connection(uint8_t source, uint16_t port, uint8_t destination,
                     SocketState state = SocketState::kEstablished) {
  SocketRow row;
  row.local = ipv4(source, port);
  row.remote = ipv4(destination, 80);
  row.state = state;
  return row;
}

SocketRow holder(const SocketAddress& local, SocketState state) {
  SocketRow row;
  row.local = local;
  row.state = state;
  return row;
}

constexpr SocketAddress kEveryIPv4{Family::kIPv4, 0, 0, {}};
constexpr SocketAddress kEveryIPv6{Family::kIPv6, 0, 0, {}};

SocketAddress at(SocketAddress address, uint16_t port) {
  address.port = port;
  return address;
}

const AddressRange kSource{Family::kIPv4, ipv4(1, 0).bytes, ipv4(1, 0).bytes};
const Destination kDestination{{Family::kIPv4, ipv4(9, 0).bytes, ipv4(9, 0).bytes}, 80};

}  // namespace

TEST_CASE("a census counts states, families and addresses, the fullest first") {
  SocketCensus census;
  for (uint16_t port = 1; port <= 3; ++port)
    census.add(connection(7, port, 9));
  census.add(connection(5, 1, 9, SocketState::kTimeWait));
  census.add(holder(kEveryIPv6, SocketState::kListen));
  CHECK(census.total() == 5);
  CHECK(census.ipv6() == 1);
  CHECK(census.states()[static_cast<size_t>(SocketState::kEstablished)] == 3);
  CHECK(census.states()[static_cast<size_t>(SocketState::kTimeWait)] == 1);
  CHECK(census.states()[static_cast<size_t>(SocketState::kListen)] == 1);
  CHECK(census.addresses() == 3);
  const std::vector<AddressCount> fullest = census.fullest(2);
  REQUIRE(fullest.size() == 2);
  CHECK(fullest[0].address.bytes == ipv4(7, 0).bytes);
  CHECK(fullest[0].sockets == 3);
  CHECK(census.fullest(100).size() == 3);
  CHECK(census.fullest(0).empty());
}

TEST_CASE("a census tells apart no more addresses than it may, counts every socket, and says so") {
  SocketCensus census(2);
  for (uint8_t source = 1; source <= 5; ++source)
    census.add(connection(source, 1, 9));
  CHECK(census.total() == 5);
  CHECK(census.addresses() == 2);
  CHECK(census.overflowed());
}

TEST_CASE("a connection marks its port by where it leads and whether it lives") {
  PortMarks marks(kSource, {kDestination});
  marks.add(connection(1, 10, 9));
  marks.add(connection(1, 11, 8));
  marks.add(connection(1, 12, 9, SocketState::kTimeWait));
  marks.add(connection(1, 13, 8, SocketState::kTimeWait));
  marks.add(connection(2, 14, 9));
  CHECK(marks.marks()[10] == kConnected);
  CHECK(marks.marks()[11] == kConnectedElsewhere);
  CHECK(marks.marks()[12] == kTimeWait);
  CHECK(marks.marks()[13] == kTimeWaitElsewhere);
  CHECK(marks.marks()[14] == 0);
  CHECK(marks.states()[static_cast<size_t>(SocketState::kEstablished)] == 1);
  CHECK(marks.states()[static_cast<size_t>(SocketState::kTimeWait)] == 1);
}

TEST_CASE("without a destination every connection of the source leads elsewhere, and is counted") {
  PortMarks marks(AddressRange{}, {});
  marks.add(connection(1, 10, 9));
  marks.add(connection(2, 11, 8));
  CHECK(marks.marks()[10] == kConnectedElsewhere);
  CHECK(marks.marks()[11] == kConnectedElsewhere);
  CHECK(marks.states()[static_cast<size_t>(SocketState::kEstablished)] == 2);
}

TEST_CASE("listeners and bound sockets are in the way of the source at its address or at all of them") {
  PortMarks marks(kSource, {kDestination});
  marks.add(holder(ipv4(1, 10), SocketState::kListen));
  marks.add(holder(ipv4(2, 11), SocketState::kListen));
  marks.add(holder(at(kEveryIPv4, 12), SocketState::kListen));
  marks.add(holder(at(kEveryIPv6, 13), SocketState::kListen));
  SocketRow ipv6_only = holder(at(kEveryIPv6, 14), SocketState::kListen);
  ipv6_only.ipv6_only = true;
  marks.add(ipv6_only);
  marks.add(holder(ipv4(1, 15), SocketState::kBound));
  marks.add(holder(ipv4(2, 16), SocketState::kBound));
  CHECK(marks.marks()[10] == (kListens | kListensHere));
  CHECK(marks.marks()[11] == kListens);
  CHECK(marks.marks()[12] == (kListens | kListensHere));
  CHECK(marks.marks()[13] == (kListens | kListensHere));
  CHECK(marks.marks()[14] == kListens);
  CHECK(marks.marks()[15] == (kBound | kBoundHere));
  CHECK(marks.marks()[16] == kBound);
}
