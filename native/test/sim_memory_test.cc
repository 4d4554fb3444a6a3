// What a loop does when there is no memory for its connections. This program's allocator refuses when it is told to.
#include <doctest/doctest.h>

#include <cstdlib>
#include <new>

#include "test/sim_scenario.h"

using namespace connscale;  // a test of the engine's whole vocabulary
using namespace connscale::test;

namespace {

bool refuses = false;

}  // namespace

// The pieces of the connection table are the only memory with an alignment of its own that may be refused.
void* operator new(size_t size, std::align_val_t alignment, const std::nothrow_t& /*tag*/) noexcept {
  const auto boundary = static_cast<size_t>(alignment);
  return refuses ? nullptr : std::aligned_alloc(boundary, (size + boundary - 1) / boundary * boundary);
}
void* operator new(size_t size, std::align_val_t alignment) {
  const auto boundary = static_cast<size_t>(alignment);
  return std::aligned_alloc(boundary, (size + boundary - 1) / boundary * boundary);
}
void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept { std::free(memory); }
void operator delete(void* memory, size_t /*size*/, std::align_val_t /*alignment*/) noexcept { std::free(memory); }

TEST_CASE("a connect without memory is closed with ENOMEM, and nothing else is wrong") {
  SimLoop loop({});
  refuses = true;
  ConnectRecord record = connect_record(80);
  record.handlers = 7;
  const double id = start_connect(loop, record);
  refuses = false;
  CHECK(loop.engine().counters().invalidSubmissions == 0);
  CHECK(loop.engine().next_turn_ms() == 0);
  const std::vector<Completion> closed = turn_for(loop, Operation::kClose);
  REQUIRE(closed.size() == 1);
  CHECK(closed[0].id == id);
  CHECK(closed[0].slot == 16);
  CHECK((closed[0].operation >> 8) == 7);
  CHECK(closed[0].result == -error::kENOMEM);
  CHECK(static_cast<Call>(closed[0].offset) == Call::kMemory);
  CHECK(loop.engine().counters().connectFailures == 1);
  CHECK(loop.engine().counters().closed == 1);
  start_connect(loop, connect_record(80));
  CHECK(loop.engine().counters().open == 1);
}

TEST_CASE("a loop closes after it has told of a connect without memory") {
  SimLoop loop({});
  refuses = true;
  start_connect(loop, connect_record(80));
  refuses = false;
  loop.engine().begin_shutdown(0);
  CHECK_FALSE(loop.engine().shut_down());
  CHECK(turn_for(loop, Operation::kClose).size() == 1);
  CHECK(loop.engine().shut_down());
}

TEST_CASE("an accepted connection without memory is dropped, and the listener rests") {
  SimLoop loop({});
  const uint32_t listener = loop.listen(8);
  sim::Socket* const peer = loop.world().arrive(listening_socket(loop));
  refuses = true;
  CHECK(turn_for(loop, Operation::kOpen).empty());
  refuses = false;
  CHECK(peer->gone);
  ListenerReport report;
  REQUIRE(loop.engine().report_listener(listener, &report));
  CHECK(report.last_failure == error::kENOMEM);
  CHECK(loop.engine().next_turn_ms() == static_cast<int32_t>(kAcceptRetryMs));
}
