#include "sim/world.h"

#include <algorithm>
#include <cassert>
#include <cstdio>
#include <cstdlib>

namespace connscale::sim {

namespace {

constexpr uint32_t kActorsPerMove = 6;
constexpr uint32_t kInFlightBytesMax = 48 * 1024;
constexpr uint32_t kCalmSpaceBytes = 64 * 1024;
constexpr uint32_t kUntimedSleepMsMax = 400;
constexpr uint32_t kOversleepMsMax = 10;

thread_local World* world_in_force = nullptr;

}  // namespace

World::World(uint64_t seed, const Temper& temper) : random_(seed), temper_(temper) {
  assert(world_in_force == nullptr);
  world_in_force = this;
}

World::~World() { world_in_force = nullptr; }

World& World::current() noexcept {
  assert(world_in_force != nullptr);
  return *world_in_force;
}

void World::give_up(const char* rule) noexcept {
  std::fprintf(stderr, "the contract of platform.h is broken: %s\n", rule);
  std::abort();
}

bool World::happens(Chance chance) noexcept {
  if (calm_ || random_.below(1'000) >= temper_.of(chance)) return false;
  ++tally_[static_cast<size_t>(chance)];
  return true;
}

void World::sleep(int timeout_ms) {
  uint32_t ms = timeout_ms < 0 ? random_.between(1, kUntimedSleepMsMax) : static_cast<uint32_t>(timeout_ms);
  if (happens(Chance::kEarlyWake)) ms = random_.below(ms + 1);
  now_ms_ += ms + (random_.chance(20) ? random_.below(kOversleepMsMax + 1) : 0);
  move();
}

void World::move() {
  for (const uint32_t number : listening_)
    arrive_by_chance(socket(number));
  if (calm_) {
    for (const uint32_t number : live_)
      settle(socket(number));
    return;
  }
  for (uint32_t i = 0; i < kActorsPerMove && !live_.empty(); ++i) {
    const uint32_t at = random_.below(static_cast<uint32_t>(live_.size()));
    Socket& peer = socket(live_[at]);
    act(peer);
    if (!peer.gone && !peer.reset) continue;
    live_[at] = live_.back();
    live_.pop_back();
  }
}

void World::calm_down() {
  calm_ = true;
  temper_.descriptors_max = UINT32_MAX;
}

void World::settle(Socket& peer) noexcept {
  if (peer.answer == Answer::kNone) peer.answer = Answer::kAccepted;
  peer.space = kCalmSpaceBytes;
}

void World::act(Socket& peer) {
  if (peer.gone || peer.reset) return;
  if (peer.answer == Answer::kNone) return answer(peer);
  if (peer.answer == Answer::kRefused) return;
  if (happens(Chance::kPeerReads)) {
    peer.space = std::min(temper_.send_buffer_bytes, peer.space + random_.between(1, temper_.send_buffer_bytes));
  }
  if (!peer.ended && peer.sent - peer.received < kInFlightBytesMax && happens(Chance::kPeerSends)) {
    peer.sent += random_.chance(30) ? random_.between(1, 12'000) : random_.between(1, 100);
  }
  if (!peer.ended && happens(Chance::kPeerEnds)) peer.ended = true;
  if (happens(Chance::kPeerResets)) peer.reset = true;
}

void World::answer(Socket& peer) {
  if (peer.unanswered || !happens(Chance::kAnswer)) return;
  constexpr int32_t kRefusals[] = {error::kECONNREFUSED, error::kETIMEDOUT,  error::kEHOSTUNREACH,
                                   error::kENETUNREACH,  error::kECONNRESET, error::kECONNABORTED,
                                   error::kEADDRNOTAVAIL};
  const bool refused = happens(Chance::kRefusedConnect);
  peer.answer = refused ? Answer::kRefused : Answer::kAccepted;
  peer.refusal = refused ? random_.pick(kRefusals) : 0;
}

void World::arrive_by_chance(Socket& listener) {
  if (!happens(Chance::kArrival)) return;
  for (uint32_t count = random_.between(1, 4); count > 0; --count)
    arrive(listener);
}

Socket& World::open_socket() {
  sockets_.push_back(std::make_unique<Socket>());
  Socket& socket = *sockets_.back();
  socket.number = static_cast<uint32_t>(sockets_.size() - 1);
  socket.space = temper_.send_buffer_bytes;
  return socket;
}

Socket* World::arrive(Socket& listener) {
  if (listener.queue.size() >= listener.backlog) return nullptr;
  Socket& peer = open_socket();
  peer.answer = Answer::kAccepted;
  peer.listener = listener.number;
  peer.local = listener.local;
  peer.remote = listener.local;
  peer.remote.port = static_cast<uint16_t>(40'000 + peer.number % 20'000);
  listener.queue.push_back(peer.number);
  live_.push_back(peer.number);
  return &peer;
}

Socket& World::start_connect() {
  Socket& socket = open_socket();
  socket.unanswered = happens(Chance::kUnansweredConnect);
  socket.started_ms = now_ms_;
  live_.push_back(socket.number);
  return socket;
}

bool World::has_foreign_port(uint16_t port) const noexcept {
  return std::any_of(foreign_ports_.begin(), foreign_ports_.end(),
                     [port](PortInterval ports) { return port >= ports.low && port <= ports.high; });
}

void World::own(Socket& socket) noexcept {
  require(!socket.owned, "a socket has one owner");
  socket.owned = true;
  ++descriptors_;
  if (socket.listening) listening_.push_back(socket.number);
}

void World::close(uint32_t number) {
  Socket& socket = this->socket(number);
  require(socket.owned, "a socket is closed once");
  socket.owned = false;
  --descriptors_;
  socket.gone = true;
  if (!socket.listening) {
    if (!socket.saw_reset) socket.saw_end = true;
    return;
  }
  std::erase(listening_, number);
  // tcp(7): what waits in the queue of a listener that is closed is reset.
  for (const uint32_t queued : socket.queue) {
    this->socket(queued).gone = true;
    this->socket(queued).saw_reset = true;
  }
  socket.queue.clear();
}

void World::note_token(uint32_t token, uint32_t number) {
  if (token >= by_token_.size()) by_token_.resize(token + 1, UINT32_MAX);
  by_token_[token] = number;
}

Socket* World::with_token(uint32_t token) noexcept {
  if (token >= by_token_.size() || by_token_[token] == UINT32_MAX) return nullptr;
  return &socket(by_token_[token]);
}

}  // namespace connscale::sim
