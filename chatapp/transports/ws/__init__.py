"""The plain WebSocket ws/chat/<room_id>/, for clients without a Socket.IO library."""
