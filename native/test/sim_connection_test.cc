// What a connection promises, in worlds where only one thing goes wrong.
#include <doctest/doctest.h>

#include "test/sim_scenario.h"

using namespace connscale;  // a test of the engine's whole vocabulary
using namespace connscale::test;

TEST_CASE("a connect that nobody answers ends with ETIMEDOUT from connect") {
  SimLoop loop({});
  ConnectRecord record = connect_record(80);
  record.connect_timeout_ticks = 3;
  const double id = start_connect(loop, record);
  const uint64_t started = loop.world().now_ms();
  const Completion closed = turn_until_closed(loop);
  CHECK(closed.id == id);
  CHECK(closed.result == -error::kETIMEDOUT);
  CHECK(static_cast<Call>(closed.offset) == Call::kConnect);
  CHECK(loop.world().now_ms() >= started + 3 * kTickMs);
  CHECK(loop.world().now_ms() <= started + 5 * kTickMs);
  CHECK(loop.engine().counters().connectFailures == 1);
  CHECK(loop.engine().counters().timeouts == 1);
}

TEST_CASE("an idle timeout starts again with every byte") {
  SimLoop loop({});
  ConnectRecord record = connect_record(80);
  record.idle_timeout_ticks = 4;
  start_connect(loop, record);
  sim::Socket& peer = *loop.world().with_token(16);
  peer.answer = sim::Answer::kAccepted;
  REQUIRE(turn_for(loop, Operation::kOpen).size() == 1);
  for (int i = 0; i < 10; ++i) {
    loop.world().advance(3 * kTickMs);
    ++peer.sent;
    REQUIRE(turn_for(loop, Operation::kData).size() == 1);
  }
  const Completion closed = turn_until_closed(loop);
  CHECK(static_cast<Call>(closed.offset) == Call::kIdle);
  CHECK(peer.closed_ms - peer.active_ms >= 4 * kTickMs);
  CHECK(peer.closed_ms - peer.active_ms <= 6 * kTickMs);
}

TEST_CASE("what was written and ended while connecting is sent when the connection opens") {
  SimLoop loop({});
  const double id = start_connect(loop, connect_record(80));
  Submissions submissions;
  write(submissions, id, 1'000);
  submissions.add(Request::kEnd, id);
  REQUIRE(loop.submit(submissions));
  sim::Socket& peer = *loop.world().with_token(16);
  CHECK(peer.delivered.empty());
  peer.answer = sim::Answer::kAccepted;
  CHECK(turn_for(loop, Operation::kOpen).size() == 1);
  CHECK(peer.delivered.size() == 1'000);
  CHECK(peer.saw_end);
  peer.ended = true;
  CHECK(turn_for(loop, Operation::kClose).size() == 1);
  CHECK_FALSE(peer.saw_reset);
}

TEST_CASE("while a peer does not read, it is not read from: memory stays within the high-water mark") {
  SimLoop loop(config_with(4'096));
  const Accepted connection = accept_one(loop);
  for (int i = 0; i < 100; ++i) {
    connection.socket.sent += 4'096;
    Submissions echoed;
    for (const Completion& data : turn_for(loop, Operation::kData)) {
      write(echoed, data.id, static_cast<uint32_t>(data.result));
    }
    REQUIRE(loop.submit(echoed));
  }
  const uint32_t high_water = loop.config().engine.high_water_bytes;
  CHECK(connection.socket.received - connection.socket.delivered.size() <= high_water + 2 * 4'096);
  CHECK(connection.socket.received < connection.socket.sent);

  connection.socket.space = 1 << 20;
  CHECK(turn_for(loop, Operation::kDrain).size() == 1);
  CHECK(turn_for(loop, Operation::kData).size() == 1);
}

TEST_CASE("a slab that is full leaves work for the next turn, and says so") {
  SimLoopConfig config;
  config.slab_bytes = 4'096;
  SimLoop loop(config);
  loop.listen(8);
  for (int i = 0; i < 2; ++i)
    loop.world().arrive(listening_socket(loop))->sent = 4'096;
  CHECK(turn_for(loop, Operation::kOpen).size() == 2);
  CHECK(turn_for(loop, Operation::kData).size() == 1);
  CHECK(loop.engine().next_turn_ms() == 0);
  CHECK(turn_for(loop, Operation::kData).size() == 1);
}

TEST_CASE("a write beyond the bound of the queue ends its connection once, whatever is left of it") {
  SimLoopConfig config = config_with(64);
  config.engine.high_water_bytes = 128;
  config.engine.write_queue_max_bytes = 1'024;
  SimLoop loop(config);
  const Accepted connection = accept_one(loop);
  Submissions submissions;
  for (int i = 0; i < 300; ++i)
    write(submissions, connection.id, 50);  // five system calls' worth of slices
  submissions.add(Request::kPause, connection.id);
  write(submissions, connection.id, 50);
  CHECK(loop.submit(submissions));
  const std::vector<Completion> closed = turn_for(loop, Operation::kClose);
  REQUIRE(closed.size() == 1);
  CHECK(closed[0].result == -error::kENOBUFS);
  CHECK(turn_for(loop, Operation::kClose).empty());
  CHECK(loop.engine().queues_in_use() == 0);
}

TEST_CASE("a send that fails before the last slice ends its connection once") {
  SimLoop loop({});
  const Accepted connection = accept_one(loop);
  connection.socket.reset = true;
  Submissions submissions;
  for (int i = 0; i < 300; ++i)
    write(submissions, connection.id, 50);
  submissions.add(Request::kPause, connection.id);
  CHECK(loop.submit(submissions));
  const std::vector<Completion> closed = turn_for(loop, Operation::kClose);
  REQUIRE(closed.size() == 1);
  CHECK(closed[0].result == -error::kECONNRESET);
  CHECK(static_cast<Call>(closed[0].offset) == Call::kWrite);
}

TEST_CASE("what was written before a destroy is sent before it") {
  SimLoop loop({});
  const Accepted connection = accept_one(loop);
  Submissions submissions;
  write(submissions, connection.id, 300);
  submissions.add(Request::kDestroy, connection.id);
  REQUIRE(loop.submit(submissions));
  CHECK(connection.socket.delivered.size() == 300);
  CHECK(connection.socket.saw_end);
}

TEST_CASE("a drain that was asked for comes although nothing was queued") {
  SimLoop loop({});
  const Accepted connection = accept_one(loop);
  Submissions submissions;
  write(submissions, connection.id, 10, kNotifyDrain);
  REQUIRE(loop.submit(submissions));
  CHECK(loop.engine().next_turn_ms() == 0);
  CHECK(turn_for(loop, Operation::kDrain).size() == 1);
  CHECK(turn_for(loop, Operation::kDrain).empty());
}

TEST_CASE("an option that the platform lacks is an error of the connect") {
  SimLoop loop({});
  ConnectRecord record = connect_record(80);
  record.option_count = 1;
  Submissions submissions;
  submissions.connect(connect_id(16), record, {{99, 0, 1.0}});
  REQUIRE(loop.submit(submissions));
  const std::vector<Completion> closed = turn_for(loop, Operation::kClose);
  REQUIRE(closed.size() == 1);
  CHECK(closed[0].result == -error::kENOTSUP);
  CHECK(static_cast<Call>(closed[0].offset) == Call::kSetOption);
  CHECK(loop.world().descriptors() == 0);
}

TEST_CASE("options and addresses of a connection can be asked for while it is open") {
  SimLoop loop({});
  const Accepted connection = accept_one(loop);
  connscale::platform::Connection* const io = loop.engine().io(connection.id);
  REQUIRE(io != nullptr);
  CHECK(connscale::platform::remote_address(io->socket).value().port == connection.socket.remote.port);
  REQUIRE(connscale::platform::set_option(io->socket, {1, 1}).ok());
  CHECK(connscale::platform::get_option(io->socket, 1).value() == 1);
  REQUIRE(ask(loop, Request::kDestroy, connection.id));
  CHECK(loop.engine().io(connection.id) == nullptr);
}
