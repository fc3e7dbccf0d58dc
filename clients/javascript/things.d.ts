/** Made from chatapp's contract by scripts/write_clients.py; nobody edits it. */

export interface Bye {
  room_id?: string;
  code: "removed" | "revoked" | "expired" | "slow" | "restart" | "too_many" | "bad_packet";
  retry_ms?: number;
}

export interface Decision {
  request_id: string | null;
  user_id: string | null;
  outcome: "approved" | "denied" | "not_pending" | "not_found" | "room_full";
  decided_by?: User | null;
}

export interface Decisions {
  results: Decision[];
}

export interface File {
  id: string;
  name: string;
  media_type: string;
  size: number;
  sha256: string;
  url: string;
  thumbnail_url: string | null;
  width: number | null;
  height: number | null;
  created_at: string;
}

export interface JoinRequest {
  id: string | null;
  room_id: string;
  user: User;
  status: "pending" | "approved" | "denied" | "withdrawn" | "expired";
  note: string;
  reason: string;
  decided_by: User | null;
  created_at: string;
  decided_at: string | null;
  online: boolean;
}

export interface Knock {
  id: string | null;
  room_id: string;
  user?: User;
  status: "pending" | "approved" | "denied" | "withdrawn" | "expired";
  note?: string;
  reason?: string;
  decided_by?: User | null;
  created_at?: string;
  decided_at?: string | null;
  online?: boolean;
}

export interface Knocked {
  join_request: Knock;
}

export interface Message {
  id: string;
  room_id: string;
  seq: number;
  type: "text" | "system" | "file";
  sender: User | null;
  client_id: string | null;
  body: string | null;
  code: "room_created" | "participant_joined" | "participant_left" | "participant_removed" | "host_away" | "host_back" | "room_closed" | "room_reopened" | null;
  params: Record<string, any>;
  file: File | null;
  created_at: string;
}

export interface Notification {
  id: string;
  seq: number;
  kind: "join_request_created" | "join_request_approved" | "join_request_denied" | "participant_removed" | "room_closed" | "mention";
  room_id: string | null;
  data: Record<string, any>;
  read: boolean;
  created_at: string;
}

export interface Notifications {
  items: Notification[];
  unread: number;
  head: number;
}

export interface NotificationsRead {
  up_to_seq: number;
  unread: number;
}

export interface Participant {
  user: User;
  role: "host" | "participant";
  online: boolean;
  joined_at: string;
}

export interface Presence {
  room_id: string;
  joined: User[];
  left: User[];
  online: number;
}

export interface Refreshed {
  expires_at: number;
}

export interface Removal {
  user_id: string;
  seq: number;
  banned: boolean;
}

export interface Room {
  id: string;
  title: string;
  host: User;
  status: "open" | "unsupervised" | "closed";
  admission: "ask" | "open" | "closed";
  my_role: "host" | "participant" | "pending" | "none";
  description: string;
  participant_count: number;
  pending_count?: number;
  head: number;
  epoch: string;
  join_code: string | null;
  host_grace_seconds: number;
  retention_days: number | null;
  closes_at: string | null;
  closes_in: number | null;
  created_at: string;
  closed_at: string | null;
  close_reason: "host_closed" | "host_left" | "host_gone" | "school_closed" | null;
}

export interface RoomAnswer {
  room: Room;
}

export interface RoomHead {
  room_id: string;
  head: number;
  epoch: string;
}

export interface Sent {
  message: Message;
  duplicate: boolean;
}

export interface Snapshot {
  room: Room;
  me: Participant;
  participants: Participant[];
  epoch: string;
  head: number;
  oldest: number;
  messages: Message[];
  more: boolean;
  reset: boolean;
}

export interface Typing {
  room_id: string;
  user: User;
  typing: boolean;
}

export interface User {
  id: string;
  username: string;
  display_name: string;
  role: "student" | "teacher" | "admin";
}

export type ErrorCode = "invalid_payload" | "unauthorized" | "forbidden" | "not_found" | "unknown_command" | "method_not_allowed" | "conflict" | "not_pending" | "room_closed" | "room_full" | "limit_reached" | "too_large" | "unsupported_media_type" | "range_not_satisfiable" | "content_rejected" | "rate_limited" | "internal" | "unavailable";

export interface AckError {
  code: ErrorCode;
  message: string;
  retryable: boolean;
  fields?: Record<string, string[]>;
  retry_after?: number;
}
