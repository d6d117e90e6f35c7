# docker build -t mmsfa . && docker run --rm -v "$PWD/work_dirs:/mmsfa/work_dirs" mmsfa
FROM python:3.11-slim
RUN apt-get update -q \
    && apt-get install -q -y --no-install-recommends make git libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /mmsfa
COPY . .
RUN make setup
CMD ["make", "demo"]
