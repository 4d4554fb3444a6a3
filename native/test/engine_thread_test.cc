// An engine on a thread of its own, with real sockets: JavaScript's side is this thread. Meant for -fsanitize=thread.
#include "engine/engine_thread.h"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <map>
#include <semaphore>
#include <string>

#include "test/loopback.h"
#include "test/submissions.h"

using namespace connscale;  // a test of the engine's whole vocabulary
using namespace connscale::test;

namespace {

constexpr uint32_t kLoop = 3;
constexpr uint32_t kConnectionsMax = 256;
constexpr uint32_t kServerHandlers = 1;
constexpr uint32_t kClientHandlers = 2;

class ListenTask : public Task {
 public:
  explicit ListenTask(uint16_t* port, AcceptPolicy::Config accept = {16, kConnectionsMax, Overload::kPause})
      : port_(port) {
    config_.spec.address = loopback(0);
    config_.spec.backlog = 128;
    config_.accept = accept;
    config_.handlers = kServerHandlers;
  }
  void run(Engine& engine) override {
    uint32_t index = 0;
    Result<SocketAddress> address = engine.listen(config_, &index);
    if (address.ok()) *port_ = address.value().port;
  }

 private:
  ListenerConfig config_;
  uint16_t* port_;
};

/// Whether an id has a connection when the task's turn comes.
class LookTask : public Task {
 public:
  LookTask(double id, bool* found) : id_(id), found_(found) {}
  void run(Engine& engine) override { *found_ = engine.io(id_) != nullptr; }

 private:
  double id_;
  bool* found_;
};

/// Puts something else in the place of the engine's epoll.
class BreakTask : public Task {
 public:
  void run(Engine& engine) override {
    const platform::OwnedHandle other(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    CHECK(::dup3(other.get(), engine.descriptor(), O_CLOEXEC) == engine.descriptor());
  }
};

class ShutdownTask : public Task {
 public:
  void run(Engine& engine) override { engine.begin_shutdown(1'000); }
};

EngineThread::Options thread_options(bool private_descriptors, uint32_t slab_bytes) {
  EngineThread::Options options;
  options.engine = {.loop = kLoop,
                    .connections_max = kConnectionsMax,
                    .high_water_bytes = 65'536,
                    .write_queue_max_bytes = uint64_t{16} << 20};
  options.batch_capacity = 64;
  options.slab_bytes = slab_bytes;
  options.private_descriptors = private_descriptors;
  options.descriptors_wanted = 1'024;
  return options;
}

/// JavaScript's side of one loop: an echo server, and clients that count what comes back.
class Side {
 public:
  explicit Side(bool private_descriptors = false, uint32_t slab_bytes = 65'536)
      : thread_([&] {
          EngineThread::Options options = thread_options(private_descriptors, slab_bytes);
          options.notify = [this] { notified_.release(); };
          return options;
        }()) {
    REQUIRE(thread_.start().ok());
  }

  EngineThread& thread() { return thread_; }
  [[nodiscard]] bool closed() const { return loop_closed_; }
  [[nodiscard]] SysError failure() const { return failure_; }
  [[nodiscard]] bool malformed() const { return malformed_; }
  [[nodiscard]] uint32_t accepted() const { return accepted_; }
  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] uint32_t closes() const { return closes_; }
  [[nodiscard]] uint32_t tasks_finished() const { return tasks_finished_; }
  [[nodiscard]] const std::map<uint32_t, std::string>& answers() const { return answers_; }

  /// Takes deliveries until `done` says so.
  template <typename Done>
  void run_until(Done done) {
    while (!done()) {
      REQUIRE(notified_.try_acquire_for(std::chrono::seconds(20)));
      while (Delivery* const delivery = thread_.take_delivery())
        take(delivery);
    }
  }

  uint16_t listen(AcceptPolicy::Config accept = {16, kConnectionsMax, Overload::kPause}) {
    uint16_t port = 0;
    const uint32_t before = tasks_finished_;
    thread_.post(std::make_unique<ListenTask>(&port, accept));
    run_until([&] { return tasks_finished_ > before; });
    REQUIRE(port != 0);
    return port;
  }

  static double client_id(uint32_t client) { return ConnectionId{kConnectionsMax + client, 1}.encode(kLoop); }
  /// Connects, and writes a text as soon as there is somebody to write to.
  void connect(uint16_t port, uint32_t client, const std::string& text) {
    ConnectRecord record = connect_record(port);
    record.handlers = kClientHandlers;
    submissions_.connect(client_id(client), record);
    submissions_.add(Request::kWrite, client_id(client), text.data(), static_cast<uint32_t>(text.size()));
    flush();
  }
  void flush() {
    thread_.submit(submissions_.data(), submissions_.size());
    submissions_.clear();
  }
  void shut_down() {
    thread_.post(std::make_unique<ShutdownTask>());
    run_until([this] { return loop_closed_; });
  }

 private:
  void take(Delivery* delivery) {
    if (delivery->failure.code != 0) failure_ = delivery->failure;
    malformed_ = malformed_ || delivery->malformed;
    counters_ = delivery->counters;
    tasks_finished_ += static_cast<uint32_t>(delivery->finished.size());
    delivery->finished.clear();
    for (uint32_t i = 0; i < delivery->batch.count; ++i)
      hear(delivery->completions[i], delivery->slab.data());
    thread_.give_back(delivery);
    flush();
  }

  void hear(const Completion& completion, const uint8_t* slab) {
    const bool server = completion.operation >> 8 == kServerHandlers;
    const auto length = static_cast<uint32_t>(completion.result);
    switch (static_cast<Operation>(completion.operation & 0xFF)) {
      case Operation::kOpen:
        accepted_ += server ? 1 : 0;
        break;
      case Operation::kData:
        if (server) {
          submissions_.add(Request::kWrite, completion.id, slab + completion.offset, length);
        } else {
          answers_[completion.slot - kConnectionsMax].append(reinterpret_cast<const char*>(slab) + completion.offset,
                                                             length);
        }
        break;
      case Operation::kEnd:
        submissions_.add(Request::kEnd, completion.id);
        break;
      case Operation::kClose:
        ++closes_;
        break;
      case Operation::kLoopClosed:
        loop_closed_ = true;
        break;
      case Operation::kDrain:
      case Operation::kAttemptFailed:
      case Operation::kRunProgress:
      case Operation::kRunDone:
        break;
    }
  }

  std::counting_semaphore<> notified_{0};
  Submissions submissions_;
  std::map<uint32_t, std::string> answers_;  // by client
  Counters counters_;
  uint32_t accepted_ = 0;
  uint32_t closes_ = 0;
  uint32_t tasks_finished_ = 0;
  bool loop_closed_ = false;
  bool malformed_ = false;
  SysError failure_;
  EngineThread thread_;
};

/// Many clients of one loop, each with its own text, through an echo server on the same loop.
void echo_among_ourselves(bool private_descriptors, uint32_t slab_bytes) {
  constexpr uint32_t kClients = 100;
  Side side(private_descriptors, slab_bytes);
  const uint16_t port = side.listen();
  std::map<uint32_t, std::string> texts;
  for (uint32_t client = 0; client < kClients; ++client) {
    texts[client] = numbered_text(1'000 + client * 37);
    side.connect(port, client, texts[client]);
  }
  side.run_until([&] { return side.answers() == texts; });
  CHECK(side.accepted() == kClients);
  side.shut_down();
  CHECK(side.closes() == 2 * kClients);
  CHECK_FALSE(side.malformed());
}

}  // namespace

TEST_CASE("a thread that was given nothing to do stops") {
  for (int i = 0; i < 20; ++i) {
    const Side side;
  }
}

TEST_CASE("a thread that was never started stops") {
  EngineThread thread(thread_options(false, 4'096));
  thread.stop();
}

TEST_CASE("clients and server on one loop, all their bytes through two threads") {
  echo_among_ourselves(false, 65'536);
}

TEST_CASE("the same in a descriptor table of its own") { echo_among_ourselves(true, 65'536); }

TEST_CASE("the same with a slab that is always full") { echo_among_ourselves(false, 4'096); }

TEST_CASE("more than all deliveries hold waits for JavaScript, and nothing is lost") {
  Side side;
  const uint16_t port = side.listen();
  const platform::OwnedSocket peer = connect_peer(port);
  const std::string text = numbered_text(3'000'000);
  std::string echoed;
  std::thread sender([&] { send_all(peer, text); });
  std::thread reader([&] {
    echoed = receive_up_to(peer, text.size());
    ::shutdown(peer.get(), SHUT_WR);
  });
  side.run_until([&side] { return side.closes() == 1; });
  sender.join();
  reader.join();
  CHECK(echoed == text);
}

TEST_CASE("tasks run between the submissions they were posted between") {
  constexpr uint32_t kRounds = 50;
  Side side;
  const uint16_t port = side.listen();
  bool before[kRounds] = {};
  bool after[kRounds] = {};
  for (uint32_t i = 0; i < kRounds; ++i) {
    side.thread().post(std::make_unique<LookTask>(Side::client_id(i), &before[i]));
    side.connect(port, i, "x");
    side.thread().post(std::make_unique<LookTask>(Side::client_id(i), &after[i]));
  }
  side.run_until([&side] { return side.tasks_finished() == 1 + 2 * kRounds; });
  for (uint32_t i = 0; i < kRounds; ++i)
    CHECK((!before[i] && after[i]));
}

TEST_CASE("a submission that makes no sense is reported") {
  Side side;
  const uint8_t garbage[32] = {1, 2, 3};
  side.thread().submit(garbage, sizeof(garbage));
  side.run_until([&side] { return side.malformed(); });
}

TEST_CASE("a loop whose poller breaks says so, and nobody waits for it afterwards") {
  Side side;
  side.thread().post(std::make_unique<BreakTask>());
  side.run_until([&side] { return side.failure().code != 0; });
  CHECK(side.failure().code == error::kEINVAL);
  CHECK(side.failure().call == Call::kPollerWait);
  const std::vector<uint8_t> more_than_an_inbox(size_t{40} << 20);
  for (int i = 0; i < 3; ++i)
    side.thread().submit(more_than_an_inbox.data(), more_than_an_inbox.size());
  side.thread().stop();
}

TEST_CASE("a loop with connections open stops at once, and gives back the tasks it did not finish") {
  Side side;
  const uint16_t port = side.listen();
  const platform::OwnedSocket peer = connect_peer(port);
  side.run_until([&side] { return side.accepted() == 1; });
  uint16_t second = 0;
  side.thread().post(std::make_unique<ListenTask>(&second));
  side.thread().stop();
  CHECK(receive_error(peer) == 0);  // FIN: the thread took its sockets with it
  CHECK(side.thread().take_undelivered().size() == 1);
  side.thread().stop();  // again: nothing happens
}

TEST_CASE("what a listener turns away is counted although nothing else happens") {
  Side side;
  const uint16_t port = side.listen({16, 0, Overload::kReset});
  const platform::OwnedSocket peer = connect_peer(port);
  side.run_until([&side] { return side.counters().rejected == 1; });
  CHECK(receive_error(peer) == ECONNRESET);
  CHECK(side.accepted() == 0);
}

TEST_CASE("JavaScript may write from inside a flood of wakes") {
  Side side;
  const uint16_t port = side.listen();
  std::map<uint32_t, std::string> pings;
  for (uint32_t client = 0; client < 200; ++client) {
    pings[client] = "ping";
    side.connect(port, client, pings[client]);
  }
  side.run_until([&] { return side.answers() == pings; });
}
