#include "engine/port_set.h"

#include <doctest/doctest.h>

#include <set>

using connscale::PortOrder;
using connscale::PortSet;

TEST_CASE("ports are handed out in the order of their intervals") {
  const PortOrder order({{1024, 1025}, {61000, 61002}, {40000, 40000}});
  CHECK(order.count() == 6);
  const uint16_t expected[] = {1024, 1025, 61000, 61001, 61002, 40000};
  for (uint32_t i = 0; i < order.count(); ++i) {
    CHECK(order.port_at(i) == expected[i]);
    CHECK(order.position_of(expected[i]) == i);
  }
  CHECK(order.position_of(1026) == PortOrder::kNone);
  CHECK(order.position_of(0) == PortOrder::kNone);
}

TEST_CASE("a set hands out each position once, and says when there is none") {
  PortSet set;
  std::set<uint32_t> taken;
  for (int i = 0; i < 130; ++i)
    taken.insert(set.take(130));
  CHECK(taken.size() == 130);
  CHECK(*taken.rbegin() == 129);
  CHECK(set.take(130) == PortSet::kNone);
  CHECK(set.used() == 130);
}

TEST_CASE("what was given back is taken again, after what was free before") {
  PortSet set;
  for (uint32_t i = 0; i < 3; ++i)
    CHECK(set.take(5) == i);
  set.give(0);
  CHECK(set.take(5) == 3);
  CHECK(set.take(5) == 4);
  CHECK(set.take(5) == 0);
  CHECK(set.take(5) == PortSet::kNone);
}

TEST_CASE("what others use is passed over, wherever it is") {
  PortSet set;
  set.mark(0);
  set.mark(63);
  set.mark(64);
  set.mark(200);
  set.mark(200);
  CHECK(set.used() == 4);
  std::set<uint32_t> taken;
  for (uint32_t position = set.take(256); position != PortSet::kNone; position = set.take(256))
    taken.insert(position);
  CHECK(taken.size() == 252);
  for (const uint32_t marked : {0U, 63U, 64U, 200U})
    CHECK(taken.count(marked) == 0);
}
