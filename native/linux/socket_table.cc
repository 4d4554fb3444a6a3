#include "linux/socket_table.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "linux/os.h"
#include "linux/os_error.h"

namespace connscale::platform {

namespace {

// The kernel fills 32 KiB at a time (netlink_recvmsg, net/netlink/af_netlink.c); only what it fills is ever touched.
constexpr size_t kBufferBytes = size_t{256} << 10;

constexpr int kTables[] = {AF_INET, AF_INET6};

/// A socket's address as the message has it; a mapped one as the IPv4 address that it is.
SocketAddress read_address(uint8_t family, const uint32_t* words, uint16_t port, uint32_t interface) noexcept {
  static constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  SocketAddress address;
  address.port = ntohs(port);
  uint8_t bytes[16];
  std::memcpy(bytes, words, sizeof(bytes));
  if (family == AF_INET || std::memcmp(bytes, kMapped, sizeof(kMapped)) == 0) {
    address.family = Family::kIPv4;
    std::memcpy(address.bytes.data(), family == AF_INET ? bytes : bytes + sizeof(kMapped), 4);
    return address;
  }
  address.family = Family::kIPv6;
  std::memcpy(address.bytes.data(), bytes, sizeof(bytes));
  const bool link_local = bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
  if (link_local) address.scope_id = interface;
  return address;
}

/// The value of the flag INET_DIAG_SKV6ONLY, which the kernel adds to sockets without a peer.
bool read_ipv6_only(const uint8_t* attributes, size_t length) noexcept {
  while (length >= sizeof(nlattr)) {
    nlattr head;
    std::memcpy(&head, attributes, sizeof(head));
    const size_t step = NLA_ALIGN(head.nla_len);
    if (head.nla_len < sizeof(nlattr) || head.nla_len > length) return false;
    if (head.nla_type == INET_DIAG_SKV6ONLY) return head.nla_len > NLA_HDRLEN && attributes[NLA_HDRLEN] != 0;
    if (step >= length) return false;
    attributes += step;
    length -= step;
  }
  return false;
}

void read_row(const uint8_t* payload, size_t length, SocketRow* row) noexcept {
  inet_diag_msg message;
  std::memcpy(&message, payload, sizeof(message));
  const inet_diag_sockid& id = message.id;
  row->local = read_address(message.idiag_family, id.idiag_src, id.idiag_sport, id.idiag_if);
  // The kernel calls both the closed and the bound CLOSE; a closed socket has no port and is in no table.
  const bool idle = message.idiag_state == static_cast<uint8_t>(SocketState::kClosed);
  row->state = idle ? SocketState::kBound : static_cast<SocketState>(message.idiag_state);
  const bool connected = (state_bit(row->state) & kUnconnectedStates) == 0;
  row->remote =
      connected ? read_address(message.idiag_family, id.idiag_dst, id.idiag_dport, id.idiag_if) : SocketAddress{};
  row->ipv6_only = !connected && message.idiag_family == AF_INET6 &&
                   read_ipv6_only(payload + sizeof(message), length - sizeof(message));
  row->receive_queue = message.idiag_rqueue;
  row->send_queue = message.idiag_wqueue;
}

/// A request with its filter behind it.
std::vector<uint8_t> make_request(int table, uint32_t states, const std::vector<uint8_t>& program, uint32_t sequence) {
  const size_t head_bytes = NLMSG_SPACE(sizeof(inet_diag_req_v2));
  const size_t filter_bytes = program.empty() ? 0 : NLA_HDRLEN + NLA_ALIGN(program.size());
  std::vector<uint8_t> request(head_bytes + filter_bytes);
  nlmsghdr head{};
  head.nlmsg_len = static_cast<uint32_t>(request.size());
  head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  head.nlmsg_seq = sequence;
  inet_diag_req_v2 body{};
  body.sdiag_family = static_cast<uint8_t>(table);
  body.sdiag_protocol = IPPROTO_TCP;
  body.idiag_states = states;
  std::memcpy(request.data(), &head, sizeof(head));
  std::memcpy(request.data() + NLMSG_HDRLEN, &body, sizeof(body));
  if (!program.empty()) {
    const nlattr attribute{static_cast<uint16_t>(NLA_HDRLEN + program.size()), INET_DIAG_REQ_BYTECODE};
    std::memcpy(request.data() + head_bytes, &attribute, sizeof(attribute));
    std::memcpy(request.data() + head_bytes + NLA_HDRLEN, program.data(), program.size());
  }
  return request;
}

/// The error number at the start of a payload: negative, or 0.
int32_t read_status(const uint8_t* payload, size_t length) noexcept {
  int32_t status = 0;
  if (length >= sizeof(status)) std::memcpy(&status, payload, sizeof(status));
  return status;
}

}  // namespace

Result<SocketDump> SocketDump::open(SocketQuery query) {
  SocketDump dump;
  query.arrange();
  dump.query_ = std::move(query);
  dump.socket_ = OwnedSocket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!dump.socket_.valid()) return last_error(Call::kSocket);
  dump.buffer_.reset(new (std::nothrow) uint8_t[kBufferBytes]);
  if (dump.buffer_ == nullptr) return SysError{error::kENOMEM, Call::kMemory};
  return dump;
}

Result<bool> SocketDump::next(SocketRow* row) {
  while (table_ < std::size(kTables)) {
    Result<void> ready;
    if (!asked_) {
      ready = ask();
    } else if (offset_ >= length_) {
      ready = receive();
    }
    if (!ready.ok()) return ready.failure();
    if (offset_ >= length_) continue;  // this table can hold nothing that matches
    const Result<Message> message = take_message(row);
    if (!message.ok()) return message.failure();
    if (message.value() == Message::kRow && query_.matches(*row)) return true;
    if (message.value() == Message::kTableEnd) {
      ++table_;
      asked_ = false;
      length_ = offset_ = 0;
    }
  }
  return false;
}

Result<void> SocketDump::ask() {
  const SocketFilter filter = make_filter(query_, kTables[table_]);
  if (filter.pointless) {
    ++table_;
    return {};
  }
  const Result<void> sent = send(filter);
  if (!sent.ok()) return sent;
  asked_ = true;
  return receive();
}

Result<void> SocketDump::send(const SocketFilter& filter) {
  length_ = 0;
  offset_ = 0;
  const std::vector<uint8_t> request = make_request(kTables[table_], query_.states, filter.program, ++sequence_);
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  ssize_t sent = 0;
  do {
    sent = ::sendto(socket_.get(), request.data(), request.size(), 0, reinterpret_cast<const sockaddr*>(&kernel),
                    sizeof(kernel));
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return last_error(Call::kSendTo);
  return {};
}

Result<void> SocketDump::receive() noexcept {
  ssize_t received = 0;
  do {
    received = ::recv(socket_.get(), buffer_.get(), kBufferBytes, 0);
  } while (received < 0 && errno == EINTR);
  // ENOBUFS among them: messages were lost, perhaps the one that says "done", so there is nothing left to wait for.
  if (received < 0) return last_error(Call::kReceive);
  length_ = static_cast<size_t>(received);
  offset_ = 0;
  // The kernel ends every dump with a message that says so; a stream without one is broken.
  if (length_ < sizeof(nlmsghdr)) return SysError{error::kEPROTO, Call::kSocketTable};
  return {};
}

Result<SocketDump::Message> SocketDump::take_message(SocketRow* row) noexcept {
  nlmsghdr head{};
  const uint8_t* const at = buffer_.get() + offset_;
  const size_t left = length_ - offset_;
  if (left >= sizeof(head)) std::memcpy(&head, at, sizeof(head));
  if (head.nlmsg_len < NLMSG_HDRLEN || head.nlmsg_len > left) return SysError{error::kEPROTO, Call::kSocketTable};
  offset_ += NLMSG_ALIGN(head.nlmsg_len);
  if (head.nlmsg_seq != sequence_) return Message::kSkipped;
  interrupted_ = interrupted_ || (head.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
  const uint8_t* const payload = at + NLMSG_HDRLEN;
  const size_t length = head.nlmsg_len - NLMSG_HDRLEN;
  if (head.nlmsg_type == NLMSG_DONE || head.nlmsg_type == NLMSG_ERROR) {
    const int32_t status = read_status(payload, length);
    if (status < 0) return SysError{-status, Call::kSocketTable};
    return head.nlmsg_type == NLMSG_DONE ? Message::kTableEnd : Message::kSkipped;
  }
  if (head.nlmsg_type != SOCK_DIAG_BY_FAMILY || length < sizeof(inet_diag_msg)) return Message::kSkipped;
  read_row(payload, length, row);
  return Message::kRow;
}

BoundProbe::BoundProbe() noexcept : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  // Without a descriptor or a port for it the probe knows nothing, and says so.
  KernelAddress any(SocketAddress{Family::kIPv4, 0, 0, {}});
  if (!socket_.valid() || ::bind(socket_.get(), any.raw(), any.size) != 0) return;
  if (::getsockname(socket_.get(), any.raw(), &any.size) == 0) port_ = any.portable().port;
}

bool BoundProbe::is(const SocketRow& row) noexcept {
  const bool same = known() && row.state == SocketState::kBound && row.local.port == port_ &&
                    row.local.family == Family::kIPv4 && takes_every_address(row, Family::kIPv4);
  met_ = met_ || same;
  return same;
}

}  // namespace connscale::platform
