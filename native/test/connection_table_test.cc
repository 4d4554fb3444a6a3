#include "engine/connection_table.h"

#include <doctest/doctest.h>

#include <set>

using connscale::Connection;
using connscale::ConnectionId;
using connscale::ConnectionState;
using connscale::ConnectionTable;
using connscale::kGenerationMask;
using connscale::kNoSlot;

namespace {

uint32_t open_one(ConnectionTable& table) {
  const uint32_t slot = table.acquire();
  REQUIRE(slot != kNoSlot);
  table.at(slot).state = ConnectionState::kOpen;
  return slot;
}

ConnectionId name_of(ConnectionTable& table, uint32_t slot) { return {slot, table.at(slot).generation}; }

}  // namespace

TEST_CASE("accepted connections get different slots up to the maximum") {
  ConnectionTable table(3'000);  // more than one piece of storage
  std::set<uint32_t> slots;
  for (int i = 0; i < 3'000; ++i)
    slots.insert(open_one(table));
  CHECK(slots.size() == 3'000);
  CHECK(*slots.rbegin() == 2'999);
  CHECK(table.acquire() == kNoSlot);
  CHECK(table.room() == 0);
  CHECK(table.in_use() == 3'000);
}

TEST_CASE("a slot is free again at the next recycle, and its old id is stale") {
  ConnectionTable table(1);
  const uint32_t slot = open_one(table);
  const ConnectionId old = name_of(table, slot);
  CHECK(table.find(old) == &table.at(slot));
  table.release(slot);
  CHECK(table.find(old) == nullptr);
  CHECK(table.acquire() == kNoSlot);
  table.recycle();
  CHECK(open_one(table) == slot);
  CHECK(table.find(old) == nullptr);
  CHECK(table.find(name_of(table, slot)) != nullptr);
}

TEST_CASE("only connecting and open connections are found") {
  ConnectionTable table(1);
  const uint32_t slot = open_one(table);
  const ConnectionId id = name_of(table, slot);
  for (const ConnectionState state : {ConnectionState::kFree, ConnectionState::kClosing, ConnectionState::kClosed}) {
    table.at(slot).state = state;
    CHECK(table.find(id) == nullptr);
  }
  table.at(slot).state = ConnectionState::kConnecting;
  CHECK(table.find(id) != nullptr);
}

TEST_CASE("a slot whose generations are used up rests until there is no other") {
  ConnectionTable table(2);
  const uint32_t tired = open_one(table);
  table.at(tired).generation = kGenerationMask;
  table.release(tired);
  table.recycle();
  const uint32_t second = open_one(table);
  CHECK(second != tired);
  table.release(second);
  table.recycle();
  CHECK(open_one(table) == second);
  CHECK(open_one(table) == tired);
  CHECK(table.at(tired).generation == 1);
}

TEST_CASE("JavaScript claims slots of its own, and no others") {
  ConnectionTable table(10);
  Connection* const claimed = table.claim({10, 5});
  REQUIRE(claimed != nullptr);
  claimed->state = ConnectionState::kConnecting;
  CHECK(table.find({10, 5}) == claimed);
  CHECK(table.find({10, 4}) == nullptr);
  CHECK_FALSE(table.may_claim({10, 6}));  // in use
  CHECK_FALSE(table.may_claim({9, 1}));   // for accepted connections
  CHECK_FALSE(table.may_claim({20, 1}));  // beyond the last
  CHECK(table.in_use() == 1);
  CHECK(table.room() == 10);
  table.release(10);
  CHECK(table.may_claim({10, 6}));
  CHECK(table.claim({10, 6}) != nullptr);
  CHECK(table.in_use() == 1);
}

TEST_CASE("a slot that was never used has no storage and no connection") {
  ConnectionTable table(5'000);
  CHECK_FALSE(table.exists(9'000));
  CHECK(table.find({9'000, 1}) == nullptr);
  CHECK(table.find({9'000'000, 1}) == nullptr);
  REQUIRE(table.claim({9'000, 1}) != nullptr);
  CHECK(table.exists(9'000));
  CHECK_FALSE(table.exists(0));
  CHECK(ConnectionTable::next_chunk(0) == 1'024);
  CHECK(ConnectionTable::next_chunk(1'023) == 1'024);
}

TEST_CASE("a released slot keeps nothing of its connection but the counts that tell it from the next") {
  ConnectionTable table(1);
  const uint32_t slot = open_one(table);
  Connection& connection = table.at(slot);
  connection.io.registration = 41;
  connection.paused = true;
  connection.handlers = 9;
  const uint32_t generation = connection.generation;
  table.release(slot);
  CHECK(connection.state == ConnectionState::kFree);
  CHECK_FALSE(bool{connection.paused});
  CHECK(connection.handlers == 0);
  CHECK(connection.io.registration == 41);
  CHECK(connection.generation == generation);
}
