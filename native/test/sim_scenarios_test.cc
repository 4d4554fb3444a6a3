// Single promises of the engine, each in a world where only that can happen.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "sim/stream.h"
#include "test/sim_loop.h"

namespace {

using connscale::Call;
using connscale::Completion;
using connscale::ConnectionId;
using connscale::ConnectRecord;
using connscale::kAcceptRetryMs;
using connscale::kNotifyDrain;
using connscale::kTickMs;
using connscale::ListenerReport;
using connscale::Operation;
using connscale::Overload;
using connscale::Request;
using connscale::test::connect_record;
using connscale::test::SimLoop;
using connscale::test::SimLoopConfig;
using connscale::test::Submissions;
namespace error = connscale::error;
namespace sim = connscale::sim;

SimLoopConfig config_with(uint32_t send_buffer_bytes) {
  SimLoopConfig config;
  config.temper.send_buffer_bytes = send_buffer_bytes;
  return config;
}

sim::Socket& listening_socket(SimLoop& loop) {
  for (uint32_t i = 0; i < loop.world().sockets(); ++i) {
    if (loop.world().socket(i).listening) return loop.world().socket(i);
  }
  FAIL("nobody listens");
  return loop.world().socket(0);
}

/// One turn, and what it reported of one kind.
std::vector<Completion> turn_for(SimLoop& loop, Operation wanted, int timeout_ms = 0) {
  REQUIRE(loop.turn(timeout_ms).ok());
  std::vector<Completion> found;
  for (const Completion& completion : loop.heard()) {
    if (static_cast<Operation>(completion.operation & 0xFF) == wanted) found.push_back(completion);
  }
  return found;
}

bool ask(SimLoop& loop, Request request, double id) {
  Submissions submissions;
  submissions.add(request, id);
  return loop.submit(submissions);
}

void write(Submissions& submissions, double id, uint32_t length, uint16_t flags = 0) {
  const std::vector<uint8_t> bytes(length, 'w');
  submissions.add(Request::kWrite, id, bytes.data(), length, flags);
}

/// An accepted connection and its socket.
struct Accepted {
  double id;
  sim::Socket& socket;
};
Accepted accept_one(SimLoop& loop) {
  if (loop.world().sockets() == 0) loop.listen(8);
  sim::Socket* const peer = loop.world().arrive(listening_socket(loop));
  REQUIRE(peer != nullptr);
  const std::vector<Completion> opened = turn_for(loop, Operation::kOpen);
  REQUIRE(opened.size() == 1);
  return {opened[0].id, *peer};
}

/// Turns until something closes; time passes as the engine asks for it.
Completion turn_until_closed(SimLoop& loop) {
  for (int i = 0; i < 100; ++i) {
    const std::vector<Completion> closed = turn_for(loop, Operation::kClose, -1);
    if (!closed.empty()) return closed[0];
  }
  FAIL("nothing closes");
  return {};
}

double connect_id(uint32_t slot) { return ConnectionId{slot, 1}.encode(1); }

double start_connect(SimLoop& loop, const ConnectRecord& record, uint32_t slot = 16) {
  Submissions submissions;
  submissions.connect(connect_id(slot), record);
  REQUIRE(loop.submit(submissions));
  return connect_id(slot);
}

}  // namespace

TEST_CASE("a listener that pauses leaves connections in the queue and goes on when there is room") {
  SimLoop loop({});
  const uint32_t listener = loop.listen(2, Overload::kPause);
  for (int i = 0; i < 5; ++i) loop.world().arrive(listening_socket(loop));
  const std::vector<Completion> opened = turn_for(loop, Operation::kOpen);
  CHECK(opened.size() == 2);
  CHECK(turn_for(loop, Operation::kOpen).empty());
  CHECK(listening_socket(loop).queue.size() == 3);
  CHECK(listening_socket(loop).turned_away == 0);

  REQUIRE(ask(loop, Request::kDestroy, opened[0].id));
  CHECK(turn_for(loop, Operation::kClose).size() == 1);
  CHECK(turn_for(loop, Operation::kOpen).size() == 1);
  ListenerReport report;
  REQUIRE(loop.engine().report_listener(listener, &report));
  CHECK(report.open == 2);
  CHECK(report.pauses == 2);  // at the first maximum, and again now
  CHECK(report.queue.depth == 2);
  CHECK(loop.engine().counters().acceptPauses == 2);
}

TEST_CASE("a listener that resets tells those who are too many at once") {
  SimLoop loop({});
  const uint32_t listener = loop.listen(2, Overload::kReset);
  for (int i = 0; i < 5; ++i) loop.world().arrive(listening_socket(loop));
  CHECK(turn_for(loop, Operation::kOpen).size() == 2);
  CHECK(listening_socket(loop).queue.empty());
  CHECK(listening_socket(loop).turned_away == 3);
  ListenerReport report;
  REQUIRE(loop.engine().report_listener(listener, &report));
  CHECK(report.rejected == 3);
  CHECK(loop.engine().counters().rejected == 3);
}

TEST_CASE("without descriptors accepting pauses, and goes on when somebody else frees one") {
  SimLoopConfig config;
  config.temper.descriptors_max = 2;  // the listener and one connection
  SimLoop loop(config);
  loop.listen(8, Overload::kPause);
  for (int i = 0; i < 3; ++i) loop.world().arrive(listening_socket(loop));
  CHECK(turn_for(loop, Operation::kOpen).size() == 1);
  ListenerReport report;
  REQUIRE(loop.engine().report_listener(0, &report));
  CHECK(report.last_failure == error::kEMFILE);
  CHECK(report.failures == 1);

  loop.world().temper().descriptors_max = 100;
  CHECK(loop.engine().next_turn_ms() == static_cast<int32_t>(kAcceptRetryMs));
  CHECK(turn_for(loop, Operation::kOpen, -1).empty());
  CHECK(turn_for(loop, Operation::kOpen, -1).size() == 2);
  CHECK(listening_socket(loop).turned_away == 0);
}

TEST_CASE("a peer that went away in the queue does not make the listener pause") {
  SimLoop loop({});
  loop.listen(8);
  for (int i = 0; i < 2; ++i) loop.world().arrive(listening_socket(loop));
  listening_socket(loop).accept_failure = error::kECONNABORTED;
  CHECK(turn_for(loop, Operation::kOpen).empty());
  CHECK(turn_for(loop, Operation::kOpen).size() == 1);
  CHECK(loop.engine().counters().acceptFailures == 1);
  CHECK(loop.engine().counters().acceptPauses == 0);
}

TEST_CASE("without descriptors a listener that resets sheds its queue") {
  SimLoopConfig config;
  config.temper.descriptors_max = 2;
  SimLoop loop(config);
  loop.listen(8, Overload::kReset);
  for (int i = 0; i < 4; ++i) loop.world().arrive(listening_socket(loop));
  CHECK(turn_for(loop, Operation::kOpen).size() == 1);
  CHECK(listening_socket(loop).turned_away == 3);
  CHECK(loop.engine().counters().rejected == 3);
}

TEST_CASE("a connection that cannot be watched is dropped, and the listener rests") {
  SimLoopConfig config;
  config.temper.of(sim::Chance::kFailedAttach) = 1'000;
  SimLoop loop(config);
  loop.listen(8);
  sim::Socket* const peer = loop.world().arrive(listening_socket(loop));
  CHECK(turn_for(loop, Operation::kOpen).empty());
  CHECK(peer->gone);
  CHECK(loop.engine().counters().acceptFailures == 1);
  CHECK(loop.engine().counters().open == 0);
  CHECK(loop.engine().next_turn_ms() == static_cast<int32_t>(kAcceptRetryMs));
}

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
  for (int i = 0; i < 2; ++i) loop.world().arrive(listening_socket(loop))->sent = 4'096;
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
  for (int i = 0; i < 300; ++i) write(submissions, connection.id, 50);  // five system calls' worth of slices
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
  for (int i = 0; i < 300; ++i) write(submissions, connection.id, 50);
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

TEST_CASE("listeners of one loop share its last places, and none is forgotten") {
  SimLoopConfig config;
  config.engine.connections_max = 4;
  SimLoop loop(config);
  for (int i = 0; i < 3; ++i) loop.listen(8);
  std::vector<sim::Socket*> listening;
  for (uint32_t i = 0; i < loop.world().sockets(); ++i) listening.push_back(&loop.world().socket(i));
  for (int i = 0; i < 6; ++i) loop.world().arrive(*listening[2]);
  size_t opened = 0;
  for (int i = 0; i < 10; ++i) opened += turn_for(loop, Operation::kOpen, loop.engine().next_turn_ms()).size();
  CHECK(opened == 4);
  CHECK(listening[2]->turned_away == 0);
  CHECK(listening[2]->queue.size() == 2);
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

TEST_CASE("shutting down waits for what is queued, then closes") {
  SimLoop loop(config_with(100));
  const Accepted connection = accept_one(loop);
  Submissions submissions;
  write(submissions, connection.id, 1'000);
  REQUIRE(loop.submit(submissions));
  loop.engine().begin_shutdown(10'000);
  CHECK(turn_for(loop, Operation::kClose).empty());
  connection.socket.space = 10'000;
  CHECK(turn_for(loop, Operation::kClose).size() == 1);
  CHECK(connection.socket.delivered.size() == 1'000);
  CHECK(loop.engine().shut_down());
}

TEST_CASE("shutting down waits no longer than it was told") {
  SimLoop loop(config_with(100));
  const Accepted connection = accept_one(loop);
  Submissions submissions;
  write(submissions, connection.id, 1'000);
  REQUIRE(loop.submit(submissions));
  const uint64_t begun = loop.world().now_ms();
  loop.engine().begin_shutdown(700);
  turn_until_closed(loop);
  CHECK(loop.engine().shut_down());
  CHECK(loop.world().now_ms() >= begun + 700);
  CHECK(loop.world().now_ms() <= begun + 700 + kTickMs);
  CHECK_FALSE(connection.socket.owned);
}

TEST_CASE("a connect while shutting down is cancelled") {
  SimLoop loop({});
  loop.engine().begin_shutdown(0);
  const double id = start_connect(loop, connect_record(80));
  const std::vector<Completion> closed = turn_for(loop, Operation::kClose);
  REQUIRE(closed.size() == 1);
  CHECK(closed[0].id == id);
  CHECK(closed[0].result == -error::kECANCELED);
  CHECK(turn_for(loop, Operation::kLoopClosed).size() <= 1);
  CHECK(loop.engine().shut_down());
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

TEST_CASE("a listener's place is not taken while connections of it are open") {
  SimLoop loop({});
  const Accepted connection = accept_one(loop);
  REQUIRE(loop.engine().close_listener(0));
  CHECK(loop.listen(8) == 1);
  REQUIRE(ask(loop, Request::kDestroy, connection.id));
  REQUIRE(loop.turn(0).ok());
  CHECK(loop.listen(8) == 0);
}

TEST_CASE("a port that is taken is EADDRINUSE from bind") {
  SimLoop loop({});
  connscale::ListenerConfig config;
  config.spec.address.family = connscale::Family::kIPv4;
  config.spec.address.port = 80;
  config.spec.backlog = 8;
  config.accept = {8, 8, Overload::kPause};
  uint32_t index = 0;
  REQUIRE(loop.engine().listen(config, &index).ok());
  const auto second = loop.engine().listen(config, &index);
  REQUIRE_FALSE(second.ok());
  CHECK(second.failure().code == error::kEADDRINUSE);
  CHECK(second.failure().call == Call::kBind);
}

TEST_CASE("a poller that breaks is an error of the turn") {
  SimLoop loop({});
  loop.world().break_pollers();
  const connscale::Result<void> turned = loop.turn(-1);
  REQUIRE_FALSE(turned.ok());
  CHECK(turned.failure().code == error::kEBADF);
  CHECK(turned.failure().call == Call::kPollerWait);
}
