#include "sim/poller.h"

#include <algorithm>
#include <utility>

#include "sim/operations.h"
#include "sim/stream.h"

namespace connscale::platform {

namespace {

using sim::Chance;
using sim::World;

constexpr int32_t kReceiveFailures[] = {error::kECONNRESET, error::kETIMEDOUT, error::kEHOSTUNREACH, error::kENOBUFS};
constexpr int32_t kAcceptFailures[] = {error::kEMFILE,  error::kENFILE, error::kECONNABORTED, error::kENOMEM,
                                       error::kENOBUFS, error::kEPROTO, error::kEPERM};
constexpr int32_t kAttachFailures[] = {error::kENOSPC, error::kENOMEM};

/// What is under way on a connection that was attached and is still ours to use.
Operations& operations_of(const Connection& connection) noexcept {
  World::require(connection.operations != nullptr, "an operation needs an attached connection");
  return *connection.operations;
}

/// What a call returns that failed, and what an event says.
int32_t returned_failure(Operations& operations, int32_t code) noexcept {
  operations.failed = true;
  operations.socket.failures.push_back(code);
  return -code;
}
int32_t reported_failure(Operations& operations, int32_t code) noexcept {
  operations.broken = true;
  operations.socket.failures.push_back(code);
  return -code;
}

}  // namespace

struct Poller::Sink {
  Event* events;
  uint32_t max;
  uint32_t count;
  ReceiveSlab& slab;
  uint32_t places;  // for connections that are kept

  [[nodiscard]] uint32_t room() const noexcept { return max - count; }
  void push(EventKind kind, Call call, uint32_t token, int32_t result, uint32_t offset = 0,
            intptr_t socket = -1) noexcept {
    events[count++] = Event{kind, call, token, result, offset, socket};
  }
};

Poller::Poller() noexcept = default;

Poller::~Poller() {
  for (const auto& operations : connections_)
    operations->check_in_place();
}

Result<void> Poller::open(const Wakeup* wakeup) noexcept {
  wakeup_ = wakeup;
  return {};
}

// --- what finished ---

Result<uint32_t> Poller::wait(Event* events, uint32_t max, ReceiveSlab& slab, uint32_t places,
                              int timeout_ms) noexcept {
  World& world = World::current();
  World::require(max > 0 && timeout_ms >= -1, "a wait has room for an event, and a timeout or -1");
  if (world.pollers_broken()) return SysError{error::kEBADF, Call::kPollerWait};
  if (world.happens(Chance::kFewEvents)) max = world.random().between(1, max);
  held_back_ = false;
  Sink sink{events, max, 0, slab, places};
  world.move();
  report_all(sink);
  const bool woken = wakeup_ != nullptr && wakeup_->clear();
  if (sink.count == 0 && !held_back_ && !woken && timeout_ms != 0) {
    world.sleep(timeout_ms);
    report_all(sink);
  }
  may_have_more_ = sink.room() == 0;
  return sink.count;
}

void Poller::report_all(Sink& sink) {
  const size_t total = connections_.size() + listeners_.size();
  const size_t start = World::current().random().below(static_cast<uint32_t>(total));
  for (size_t i = 0; i < total && sink.room() > 0; ++i) {
    const size_t at = (start + i) % total;
    if (at < connections_.size()) {
      report(*connections_[at], sink);
    } else {
      report(*listeners_[at - connections_.size()], sink);
    }
  }
  std::erase_if(connections_, [](const auto& operations) { return operations->connection == nullptr; });
}

void Poller::report(Operations& operations, Sink& sink) {
  World& world = World::current();
  operations.check_in_place();
  World::require(operations.closing || !(operations.failed || operations.broken), "an error is answered by a close");
  if (world.happens(Chance::kLate)) return;
  if (operations.closing) return report_closed(operations, sink);
  if (operations.connecting) return report_connected(operations, sink);
  const bool sent_first = world.random().chance(50);
  if (sent_first) report_sent(operations, sink);
  if (sink.room() > 0) report_received(operations, sink);
  if (!sent_first && sink.room() > 0) report_sent(operations, sink);
}

void Poller::report_connected(Operations& operations, Sink& sink) {
  sim::Socket& socket = operations.socket;
  if (socket.answer == sim::Answer::kNone) return;
  operations.connecting = false;
  socket.active_ms = World::current().now_ms();
  const bool refused = socket.answer == sim::Answer::kRefused;
  const int32_t result = refused ? reported_failure(operations, socket.refusal) : 0;
  sink.push(EventKind::kConnected, Call::kConnect, operations.token, result);
}

void Poller::report_sent(Operations& operations, Sink& sink) {
  if (!operations.sending) return;
  World& world = World::current();
  sim::Socket& socket = operations.socket;
  const int32_t failure = operations.send_failure();
  int32_t result = failure != 0 ? reported_failure(operations, failure) : 0;
  if (result == 0 && !world.happens(Chance::kIdleSent)) {
    if (socket.space == 0) return;
    const std::vector<Slice>& slices = operations.slices;
    result = static_cast<int32_t>(operations.send_now(slices.data(), static_cast<uint32_t>(slices.size())));
  }
  socket.active_ms = world.now_ms();
  operations.let_go_of_slices();
  sink.push(EventKind::kSent, Call::kWrite, operations.token, result);
}

void Poller::report_received(Operations& operations, Sink& sink) {
  if (!operations.receiving) return report_broken(operations, sink);
  World& world = World::current();
  sim::Socket& socket = operations.socket;
  const auto available = static_cast<uint32_t>(socket.sent - socket.received);
  // What had come before a reset may still be read, or not.
  const bool reset = socket.reset && (available == 0 || world.random().chance(50));
  const bool failed = !reset && world.happens(Chance::kFailedReceive);
  if (reset || failed) {
    operations.receiving = false;
    const int32_t result =
        reported_failure(operations, reset ? error::kECONNRESET : world.random().pick(kReceiveFailures));
    sink.push(EventKind::kReceived, Call::kRead, operations.token, result);
  } else if (available > 0) {
    receive_bytes(operations, available, sink);
  } else if (socket.ended) {
    operations.receiving = false;
    operations.received_end = true;
    sink.push(EventKind::kReceived, Call::kRead, operations.token, 0);
  }
}

void Poller::receive_bytes(Operations& operations, uint32_t available, Sink& sink) {
  World& world = World::current();
  sim::Socket& socket = operations.socket;
  uint32_t length = std::min(available, sink.slab.room());
  if (length == 0) {
    held_back_ = true;
    return;
  }
  if (world.happens(Chance::kShortReceive)) length = world.random().between(1, length);
  sim::fill_stream(socket.number, socket.received, sink.slab.next(), length);
  socket.received += length;
  socket.active_ms = world.now_ms();
  operations.receiving = false;
  sink.push(EventKind::kReceived, Call::kRead, operations.token, static_cast<int32_t>(length),
            sink.slab.commit(length));
}

void Poller::report_broken(Operations& operations, Sink& sink) {
  if (!operations.socket.reset || operations.warned || operations.broken) return;
  operations.warned = true;
  if (World::current().happens(Chance::kUnseenReset)) return;
  sink.push(EventKind::kBroken, Call::kRead, operations.token, reported_failure(operations, error::kECONNRESET));
}

void Poller::report_closed(Operations& operations, Sink& sink) {
  const uint32_t token = operations.token;
  release(operations);
  sink.push(EventKind::kClosed, Call::kNone, token, 0);
}

void Poller::report(Listener& listener, Sink& sink) {
  World& world = World::current();
  sim::Socket& kernel = world.socket(listener.socket.get());
  const bool keeps = listener.purpose == AcceptFor::kKeeping;
  const uint32_t allowed = keeps ? std::min(listener.accept_limit, sink.places) : listener.accept_limit;
  const uint32_t limit = std::min(allowed, sink.room());
  if (limit > 0 && world.happens(Chance::kLate)) return;
  for (uint32_t i = 0; i < limit && !kernel.queue.empty(); ++i) {
    if (!world.descriptors_left()) return report_accept_failure(listener, error::kEMFILE, sink);
    if (kernel.accept_failure != 0)
      return report_accept_failure(listener, std::exchange(kernel.accept_failure, 0), sink);
    if (world.happens(Chance::kFailedAccept)) {
      return report_accept_failure(listener, world.random().pick(kAcceptFailures), sink);
    }
    sim::Socket& accepted = world.socket(kernel.queue.front());
    kernel.queue.pop_front();
    world.own(accepted);
    if (keeps) --sink.places;
    sink.push(EventKind::kAccepted, Call::kAccept, listener.token, 0, 0, accepted.number);
  }
}

void Poller::report_accept_failure(Listener& listener, int32_t code, Sink& sink) {
  sim::Socket& kernel = World::current().socket(listener.socket.get());
  if (code == error::kECONNABORTED || code == error::kEPROTO) {
    sim::Socket& aborted = World::current().socket(kernel.queue.front());
    kernel.queue.pop_front();
    aborted.gone = true;
    aborted.failures.push_back(code);
  }
  sink.push(EventKind::kAcceptFailed, Call::kAccept, listener.token, -code);
}

// --- what the engine asks for ---

Operations& Poller::enqueue(Connection& connection, OwnedSocket socket, uint32_t token) {
  World& world = World::current();
  World::require(connection.operations == nullptr && !connection.socket.valid(), "a connection is attached once");
  const uint32_t registration = connection.registration + 1;
  connection = Connection{};
  connection.registration = registration;
  connection.token = token;
  connection.socket = std::move(socket);
  sim::Socket& kernel = world.socket(connection.socket.get());
  world.note_token(token, kernel.number);
  connections_.push_back(std::make_unique<Operations>(Operations{&connection, kernel, token, registration, {}}));
  Operations& operations = *connections_.back();
  connection.operations = &operations;
  operations.let_go_of_slices();
  return operations;
}

void Poller::release(Operations& operations) noexcept {
  operations.connection->operations = nullptr;
  operations.connection->socket.reset();
  operations.connection = nullptr;
}

Result<void> Poller::attach(Connection& connection, OwnedSocket socket, uint32_t token) noexcept {
  World& world = World::current();
  if (world.happens(Chance::kFailedAttach)) {
    const int32_t code = world.random().pick(kAttachFailures);
    world.socket(socket.get()).failures.push_back(code);
    return SysError{code, Call::kPollerControl};
  }
  enqueue(connection, std::move(socket), token).socket.active_ms = world.now_ms();
  return {};
}

Result<void> Poller::connect(Connection& connection, const ConnectSpec& spec, uint32_t token) noexcept {
  Result<OwnedSocket> started = start_connect(spec);
  if (!started.ok()) return started.failure();
  enqueue(connection, std::move(started.value()), token).connecting = true;
  return {};
}

void Poller::receive(Connection& connection) noexcept {
  Operations& operations = operations_of(connection);
  operations.check_usable();
  World::require(!operations.receiving, "no receive while one is outstanding");
  World::require(!operations.received_end, "no receive after FIN");
  operations.receiving = true;
}

void Poller::cancel_receive(Connection& connection) noexcept {
  Operations& operations = operations_of(connection);
  operations.check_usable();
  operations.receiving = false;
}

int32_t Poller::try_send(Connection& connection, const Slice* slices, uint32_t count) noexcept {
  Operations& operations = operations_of(connection);
  operations.check_may_send(slices, count);
  operations.socket.active_ms = World::current().now_ms();
  const int32_t failure = operations.send_failure();
  return failure != 0 ? returned_failure(operations, failure)
                      : static_cast<int32_t>(operations.send_now(slices, count));
}

SendOutcome Poller::send(Connection& connection, const Slice* slices, uint32_t count) noexcept {
  Operations& operations = operations_of(connection);
  operations.check_may_send(slices, count);
  const int32_t failure = operations.send_failure();
  if (failure != 0) return {0, false, returned_failure(operations, failure)};
  const bool overlapped = World::current().happens(Chance::kOverlappedSend);
  const uint32_t sent = overlapped ? 0 : operations.send_now(slices, count);
  if (sent == total_bytes(slices, count)) return {sent, false, 0};
  operations.hold(slices, count, sent);
  return {sent, true, 0};
}

Result<void> Poller::end(Connection& connection) noexcept {
  Operations& operations = operations_of(connection);
  operations.check_usable();
  World::require(!operations.sending && !operations.ended, "one end, after what was sent");
  World& world = World::current();
  if ((operations.socket.reset && world.random().chance(50)) || world.happens(Chance::kFailedEnd)) {
    return SysError{-returned_failure(operations, error::kENOTCONN), Call::kShutdown};
  }
  operations.ended = true;
  operations.socket.saw_end = true;
  return {};
}

bool Poller::close(Connection& connection, CloseMode mode) noexcept {
  if (connection.operations == nullptr) {
    World::require(!connection.socket.valid(), "only a connect that failed at once has nothing to close");
    return true;
  }
  Operations& operations = *connection.operations;
  World::require(!operations.closing, "a connection is closed once");
  operations.check_in_place();
  World& world = World::current();
  sim::Socket& socket = operations.socket;
  socket.closed_ms = world.now_ms();
  socket.aborted = mode == CloseMode::kReset;
  if (mode == CloseMode::kReset || socket.sent > socket.received) socket.saw_reset = true;
  if (world.happens(Chance::kLateClose)) {
    operations.closing = true;
    // What the kernel had begun to send may still leave.
    const std::vector<Slice>& slices = operations.slices;
    if (operations.sending) operations.send_now(slices.data(), static_cast<uint32_t>(slices.size()));
    return false;
  }
  release(operations);
  std::erase_if(connections_, [](const auto& other) { return other->connection == nullptr; });
  return true;
}

Result<SocketAddress> Poller::listen(Listener& listener, const ListenSpec& spec, uint32_t token) noexcept {
  World::require(!listener.socket.valid(), "a listener listens once");
  Result<OwnedSocket> opened = open_listener(spec);
  if (!opened.ok()) return opened.failure();
  listener = Listener{};
  listener.socket = std::move(opened.value());
  listener.token = token;
  listeners_.push_back(&listener);
  return local_address(listener.socket);
}

Result<void> Poller::accept(Listener& listener, uint32_t limit, AcceptFor purpose) noexcept {
  World::require(listener.socket.valid(), "no accept after a close");
  const bool failed = limit > 0 && World::current().happens(Chance::kFailedArm);
  listener.accept_limit = failed ? 0 : limit;
  listener.purpose = purpose;
  World::current().socket(listener.socket.get()).accept_limit = listener.accept_limit;
  if (failed) return SysError{error::kENOMEM, Call::kPollerControl};
  return {};
}

uint32_t Poller::shed(Listener& listener, uint32_t max) noexcept {
  World& world = World::current();
  World::require(listener.socket.valid(), "no shedding after a close");
  sim::Socket& kernel = world.socket(listener.socket.get());
  uint32_t count = 0;
  while (count < max && !kernel.queue.empty() && !world.happens(Chance::kFailedShed)) {
    sim::Socket& shed = world.socket(kernel.queue.front());
    kernel.queue.pop_front();
    shed.gone = true;
    shed.saw_reset = true;
    ++kernel.turned_away;
    ++count;
  }
  return count;
}

void Poller::close(Listener& listener) noexcept {
  std::erase(listeners_, &listener);
  listener.socket.reset();
}

}  // namespace connscale::platform
