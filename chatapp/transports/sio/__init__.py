"""Socket.IO: the namespaces /chat and /notifications, over Engine.IO with WebSocket or long-polling."""
