// The world that native/sim runs in: a clock, a kernel's sockets and their peers, all drawn from one seed.
//
// The contract of platform.h passes no context: now_ms() and an OwnedSocket's destructor must find their world by
// themselves. So a World is in force on the thread that made it, while it lives; the pointer to it is thread_local and
// not static, because tests may run worlds on several threads at once.
#ifndef CONNSCALE_SIM_WORLD_H_
#define CONNSCALE_SIM_WORLD_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "base/event.h"
#include "base/port_interval.h"
#include "sim/random.h"
#include "sim/socket.h"
#include "sim/temper.h"

namespace connscale::sim {

class World {
 public:
  World(uint64_t seed, const Temper& temper);
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World();

  static World& current() noexcept;
  /// A rule of platform.h that the engine broke ends the process: nothing after it would mean anything.
  static void require(bool kept, const char* rule) noexcept {
    if (!kept) give_up(rule);
  }

  [[nodiscard]] Random& random() noexcept { return random_; }
  [[nodiscard]] Temper& temper() noexcept { return temper_; }
  [[nodiscard]] const Tally& tally() const noexcept { return tally_; }
  bool happens(Chance chance) noexcept;

  [[nodiscard]] uint64_t now_ms() const noexcept { return now_ms_; }
  void set_clock(uint64_t now_ms) noexcept { now_ms_ = now_ms; }
  void advance(uint64_t ms) noexcept { now_ms_ += ms; }
  /// Lets time pass while somebody waits for at most `timeout_ms`, and the network with it.
  void sleep(int timeout_ms);
  /// The network moves: peers arrive, answer, send, read and leave.
  void move();
  /// From now on nothing goes wrong, every peer reads, and nobody new comes.
  void calm_down();
  [[nodiscard]] bool calm() const noexcept { return calm_; }
  /// From now on every wait fails.
  void break_pollers() noexcept { pollers_broken_ = true; }
  [[nodiscard]] bool pollers_broken() const noexcept { return pollers_broken_; }

  // Sockets. Their records outlive them, for the test to look at.
  Socket& open_socket();
  [[nodiscard]] Socket& socket(uint32_t number) noexcept { return *sockets_[number]; }
  [[nodiscard]] uint32_t sockets() const noexcept { return static_cast<uint32_t>(sockets_.size()); }
  [[nodiscard]] uint32_t descriptors() const noexcept { return descriptors_; }
  [[nodiscard]] bool descriptors_left() const noexcept { return descriptors_ < temper_.descriptors_max; }
  void own(Socket& socket) noexcept;
  /// The last descriptor of a socket is closed.
  void close(uint32_t number);

  // Peers, for tests that tell them what to do.
  /// A peer connects: its connection waits in the listener's queue. Null: the queue is full.
  Socket* arrive(Socket& listener);
  Socket& start_connect();

  /// Source ports that somebody else has, for every address: a connect from one of them fails.
  void take_ports(PortInterval ports) { foreign_ports_.push_back(ports); }
  [[nodiscard]] bool has_foreign_port(uint16_t port) const noexcept;

  /// Which socket the engine last put into the queue under a token.
  void note_token(uint32_t token, uint32_t number);
  [[nodiscard]] Socket* with_token(uint32_t token) noexcept;

 private:
  [[noreturn]] static void give_up(const char* rule) noexcept;
  void act(Socket& peer);
  void answer(Socket& peer);
  void arrive_by_chance(Socket& listener);
  void settle(Socket& peer) noexcept;

  Random random_;
  Temper temper_;
  Tally tally_{};
  uint64_t now_ms_ = 1'000'000;
  bool calm_ = false;
  bool pollers_broken_ = false;
  uint32_t descriptors_ = 0;
  std::vector<std::unique_ptr<Socket>> sockets_;
  std::vector<uint32_t> live_;  // connections whose peer may still act
  std::vector<uint32_t> listening_;
  std::vector<uint32_t> by_token_;
  std::vector<PortInterval> foreign_ports_;
};

}  // namespace connscale::sim

#endif  // CONNSCALE_SIM_WORLD_H_
