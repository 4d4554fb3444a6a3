#include "linux/poller.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <utility>

#include "linux/os_error.h"

namespace connscale::platform {

namespace {

// Connections are edge-triggered and registered once; a change of interest is needed only when a peer does not read.
constexpr uint32_t kConnectionEvents = EPOLLIN | EPOLLRDHUP | EPOLLET;
constexpr uint32_t kEndOfStream = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

// What epoll hands back: kind (2 bits), registration (20 bits), and the address of a Connection or Listener without its
// low 6 bits. The registration matters because a descriptor that a forked child still holds keeps reporting events for
// a socket that was closed here (epoll(7), Q6).
constexpr uint64_t kKindMask = 3;
constexpr uint64_t kConnectionKind = 0;
constexpr uint64_t kListenerKind = 1;
constexpr uint64_t kWakeupKind = 2;
constexpr uint32_t kRegistrationMask = (1U << 20) - 1;
constexpr uint64_t kAlignment = 64;

uint64_t key_of(const void* object, uint64_t kind, uint32_t registration) noexcept {
  const auto address = reinterpret_cast<uint64_t>(object);
  assert(address % kAlignment == 0 && address >> 48 == 0);
  return (address << 16) | (uint64_t{registration & kRegistrationMask} << 2) | kind;
}

template <typename T>
T& object_of(uint64_t key) noexcept {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): epoll gives back an integer, and key_of() made it from this pointer
  return *reinterpret_cast<T*>((key >> 16) & ~(kAlignment - 1));
}

uint32_t registration_of(uint64_t key) noexcept { return static_cast<uint32_t>(key >> 2) & kRegistrationMask; }

}  // namespace

struct Poller::Sink {
  Event* events;
  uint32_t max;
  uint32_t count;
  ReceiveSlab& slab;
  uint32_t places;  // for connections that are kept

  [[nodiscard]] uint32_t room() const noexcept { return max - count; }
  void push(EventKind kind, Call call, uint32_t token, int32_t result, uint32_t offset = 0) noexcept {
    assert(count < max);
    events[count++] = Event{kind, call, token, result, offset, -1};
  }
};

Result<void> Poller::open(const Wakeup* wakeup) noexcept {
  epoll_ = OwnedHandle(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_.valid()) return last_error(Call::kPollerCreate);
  wakeup_ = wakeup;
  if (wakeup == nullptr) return {};
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWakeupKind;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wakeup->descriptor(), &event) != 0) {
    return last_error(Call::kPollerControl);
  }
  return {};
}

Result<uint32_t> Poller::wait(Event* events, uint32_t max, ReceiveSlab& slab, uint32_t places,
                              int timeout_ms) noexcept {
  Sink sink{events, max, 0, slab, places};
  serve_ready(sink);
  if (sink.count > 0 || has_ready()) timeout_ms = 0;
  // A connection's kernel event may finish two operations; a listener's as many as are then still without one.
  const uint32_t raw_max = std::min<uint32_t>(sink.room() / 2, kEventsMax);
  may_have_more_ = raw_max == 0;
  if (raw_max == 0) return sink.count;
  const int ready = ::epoll_wait(epoll_.get(), raw_.data(), static_cast<int>(raw_max), timeout_ms);
  // EINTR: a signal for the process. The caller has its turn, as if the time had run out.
  if (ready < 0 && errno != EINTR) return last_error(Call::kPollerWait);
  may_have_more_ = ready == static_cast<int>(raw_max);
  for (int i = 0; i < ready; ++i) {
    const uint64_t key = raw_[static_cast<size_t>(i)].data.u64;
    if ((key & kKindMask) == kConnectionKind) {
      auto& connection = object_of<Connection>(key);
      const bool current = (connection.registration & kRegistrationMask) == registration_of(key);
      if (current && connection.socket.valid()) on_connection(connection, raw_[static_cast<size_t>(i)].events, sink);
    } else if ((key & kKindMask) == kListenerKind) {
      const uint32_t reserved = 2 * static_cast<uint32_t>(ready - i - 1);
      auto& listener = object_of<Listener>(key);
      if (listener.socket.valid()) on_listener(listener, sink.room() - reserved, sink);
    } else {
      wakeup_->clear();
    }
  }
  return sink.count;
}

void Poller::on_connection(Connection& connection, uint32_t ready, Sink& sink) noexcept {
  if (connection.connecting) {
    if ((ready & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return;
    const bool failed = (ready & (EPOLLERR | EPOLLHUP)) != 0;
    const int32_t code = failed ? take_socket_error(connection.socket) : 0;
    connection.connecting = false;
    connection.readable = (ready & EPOLLIN) != 0;
    connection.hung_up = (ready & kEndOfStream) != 0;
    sink.push(EventKind::kConnected, Call::kConnect, connection.token, -code);
    return;
  }
  if ((ready & kEndOfStream) != 0) connection.hung_up = true;
  if ((ready & EPOLLERR) != 0 && !connection.receiving) {
    const int32_t code = take_socket_error(connection.socket);
    if (code != 0) return sink.push(EventKind::kBroken, Call::kRead, connection.token, -code);
  }
  // The kernel tells the cause of a broken connection once: to the receive, not to a send that would call it EPIPE.
  connection.broken = (ready & EPOLLERR) != 0 && connection.receiving;
  if ((ready & EPOLLOUT) != 0 && connection.sending && !connection.broken) {
    connection.sending = false;
    sink.push(EventKind::kSent, Call::kWrite, connection.token, 0);
  }
  if ((ready & (EPOLLIN | kEndOfStream)) == 0) return;
  connection.readable = true;
  if (connection.receiving && !connection.in_ready_list) receive_now(connection, sink);
}

void Poller::receive_now(Connection& connection, Sink& sink) noexcept {
  const uint32_t room = sink.slab.room();
  if (room == 0) {
    push_ready(connection);  // stays outstanding; the next turn has an empty slab
    return;
  }
  const int32_t received = receive_some(connection, sink.slab.next(), room);
  if (received == -EAGAIN) {
    connection.readable = false;
    return;
  }
  connection.receiving = false;
  uint32_t offset = 0;
  if (received > 0) {
    // A short read has emptied the socket, unless the end of the stream is still to be read. Sources: epoll(7) Q9.
    if (static_cast<uint32_t>(received) < room && !connection.hung_up) connection.readable = false;
    offset = sink.slab.commit(static_cast<uint32_t>(received));
    // Bytes come before the error, and the receive that would meet it may never be asked for.
    if (connection.broken) raise_error_again(connection);
  }
  sink.push(EventKind::kReceived, Call::kRead, connection.token, received, offset);
}

void Poller::on_listener(Listener& listener, uint32_t room, Sink& sink) noexcept {
  const bool keeps = listener.purpose == AcceptFor::kKeeping;
  const uint32_t allowed = std::min(room, keeps ? std::min(listener.accept_limit, sink.places) : listener.accept_limit);
  uint32_t burst = listener.pace.burst();
  for (uint32_t taken = 0; taken < std::min(allowed, burst);) {
    const int32_t accepted = accept_one(listener);
    if (accepted == -EAGAIN) return listener.pace.on_empty(taken);
    if (accepted < 0) {
      sink.push(EventKind::kAcceptFailed, Call::kAccept, listener.token, accepted);
      return;
    }
    sink.push(EventKind::kAccepted, Call::kAccept, listener.token, 0);
    sink.events[sink.count - 1].socket = accepted;
    if (keeps) --sink.places;
    if (++taken == burst && listener.pace.on_full()) {
      const uint32_t waiting = queue_depth(listener).depth;
      listener.pace.on_depth(waiting);
      burst += waiting;
    }
  }
}

// Half of the room at most: connections that always have more would keep all that is new waiting in the kernel.
void Poller::serve_ready(Sink& sink) noexcept {
  const uint32_t count = std::min(ready_count_, sink.room() / 2);
  for (uint32_t i = 0; i < count; ++i) {
    Connection& connection = *ready_head_;
    drop_ready(connection);
    receive_now(connection, sink);
    if (connection.in_ready_list) return;  // the slab is full
  }
}

Result<void> Poller::watch(Connection& connection, uint32_t interest) noexcept {
  epoll_event event{};
  event.events = interest;
  event.data.u64 = key_of(&connection, kConnectionKind, connection.registration);
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection.socket.get(), &event) == 0) return {};
  const SysError failure = last_error(Call::kPollerControl);
  connection.socket.reset();
  return failure;
}

Result<void> Poller::set_interest(Connection& connection, uint32_t interest) noexcept {
  epoll_event event{};
  event.events = interest;
  event.data.u64 = key_of(&connection, kConnectionKind, connection.registration);
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.socket.get(), &event) != 0) {
    return last_error(Call::kPollerControl);
  }
  return {};
}

/// The edge of an error comes once. Setting the interest, even to what it is, makes epoll look again: ep_modify() in
/// fs/eventpoll.c. What comes then is kBroken, unless a receive is outstanding again and finds the error first.
void Poller::raise_error_again(Connection& connection) noexcept {
  connection.broken = false;
  const uint32_t interest = kConnectionEvents | (connection.watches_writable ? uint32_t{EPOLLOUT} : 0);
  const Result<void> set = set_interest(connection, interest);
  assert(set.ok());  // epoll_ctl(2): a registered descriptor can always be modified
  (void)set;
}

Result<void> Poller::attach(Connection& connection, OwnedSocket socket, uint32_t token) noexcept {
  const uint32_t registration = connection.registration + 1;
  connection = Connection{};
  connection.registration = registration;
  connection.token = token;
  connection.socket = std::move(socket);
  return watch(connection, kConnectionEvents);
}

Result<void> Poller::connect(Connection& connection, const ConnectSpec& spec, uint32_t token) noexcept {
  Result<OwnedSocket> started = start_connect(spec);
  if (!started.ok()) return started.failure();
  const uint32_t registration = connection.registration + 1;
  connection = Connection{};
  connection.registration = registration;
  connection.token = token;
  connection.connecting = true;
  connection.watches_writable = true;
  connection.socket = std::move(started.value());
  // Only now: epoll reports a socket that is not connecting yet as hung up.
  return watch(connection, kConnectionEvents | EPOLLOUT);
}

void Poller::receive(Connection& connection) noexcept {
  assert(!connection.receiving);
  connection.receiving = true;
  if (connection.readable) push_ready(connection);
}

void Poller::cancel_receive(Connection& connection) noexcept {
  connection.receiving = false;
  if (connection.in_ready_list) drop_ready(connection);
  if (connection.broken) raise_error_again(connection);
}

int32_t Poller::try_send(Connection& connection, const Slice* slices, uint32_t count) noexcept {
  assert(!connection.sending && count <= kSendSlicesMax);
  const int32_t sent = send_some(connection, slices, count);
  return sent == -EAGAIN ? 0 : sent;
}

SendOutcome Poller::send(Connection& connection, const Slice* slices, uint32_t count) noexcept {
  assert(!connection.sending && count <= kSendSlicesMax);
  uint64_t wanted = 0;
  for (uint32_t i = 0; i < count; ++i)
    wanted += slices[i].length;
  const int32_t sent = send_some(connection, slices, count);
  if (sent < 0 && sent != -EAGAIN) return {0, false, sent};
  const uint32_t taken = sent < 0 ? 0 : static_cast<uint32_t>(sent);
  if (taken == wanted) return {taken, false, 0};
  connection.sending = true;
  if (connection.watches_writable) return {taken, true, 0};
  connection.watches_writable = true;
  const Result<void> set = set_interest(connection, kConnectionEvents | EPOLLOUT);
  if (!set.ok()) return {taken, false, -set.failure().code};
  return {taken, true, 0};
}

Result<void> Poller::end(Connection& connection) noexcept {
  if (::shutdown(connection.socket.get(), SHUT_WR) == 0) return {};
  const SysError failure = last_error(Call::kShutdown);
  // shutdown(2) calls a connection that was reset ENOTCONN; the cause waits in the socket.
  const int32_t cause = failure.code == error::kENOTCONN ? take_socket_error(connection.socket) : 0;
  return SysError{cause != 0 ? cause : failure.code, Call::kShutdown};
}

bool Poller::close(Connection& connection, CloseMode mode) noexcept {
  if (connection.in_ready_list) drop_ready(connection);
  if (connection.socket.valid() && mode == CloseMode::kReset) close_with_reset(connection.socket);
  connection.socket.reset();
  return true;
}

Result<SocketAddress> Poller::listen(Listener& listener, const ListenSpec& spec, uint32_t token) noexcept {
  Result<OwnedSocket> opened = open_listener(spec);
  if (!opened.ok()) return opened.failure();
  epoll_event event{};  // armed by accept()
  event.data.u64 = key_of(&listener, kListenerKind, 0);
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, opened.value().get(), &event) != 0) {
    return last_error(Call::kPollerControl);
  }
  Result<SocketAddress> address = local_address(opened.value());
  if (!address.ok()) return address;
  listener = Listener{};
  listener.socket = std::move(opened.value());
  listener.token = token;
  // ignored: without a reserve now, shedding tries to take one when it is needed.
  (void)refill_reserve(listener);
  return address;
}

Result<void> Poller::accept(Listener& listener, uint32_t limit, AcceptFor purpose) noexcept {
  listener.accept_limit = limit;
  listener.purpose = purpose;
  const bool arm = limit > 0;
  if (arm == listener.armed) return {};
  epoll_event event{};
  event.events = arm ? uint32_t{EPOLLIN} : 0;  // level-triggered: what one turn leaves in the queue, the next one finds
  event.data.u64 = key_of(&listener, kListenerKind, 0);
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, listener.socket.get(), &event) != 0) {
    return last_error(Call::kPollerControl);
  }
  listener.armed = arm;
  return {};
}

uint32_t Poller::shed(Listener& listener, uint32_t max) noexcept {
  uint32_t count = 0;
  for (bool more = true; more && count < max;) {
    const ShedOutcome outcome = shed_one(listener);
    count += outcome.was_reset ? 1 : 0;
    more = outcome.may_go_on;
  }
  return count;
}

void Poller::close(Listener& listener) noexcept {
  listener.socket.reset();
  listener.reserve.reset();
  listener.armed = false;
}

void Poller::push_ready(Connection& connection) noexcept {
  if (connection.in_ready_list) return;
  connection.in_ready_list = true;
  connection.ready_previous = ready_tail_;
  connection.ready_next = nullptr;
  (ready_tail_ != nullptr ? ready_tail_->ready_next : ready_head_) = &connection;
  ready_tail_ = &connection;
  ++ready_count_;
}

void Poller::drop_ready(Connection& connection) noexcept {
  Connection* const previous = connection.ready_previous;
  Connection* const next = connection.ready_next;
  (previous != nullptr ? previous->ready_next : ready_head_) = next;
  (next != nullptr ? next->ready_previous : ready_tail_) = previous;
  connection.in_ready_list = false;
  --ready_count_;
}

}  // namespace connscale::platform
