# The dashboard on port 8501, on the processor, with the exact versions of requirements.lock:
#   docker build -t interp .
#   docker run --rm -p 127.0.0.1:8501:8501 -v "$PWD/runs:/runs" interp
# It has no password: see SECURITY.md before others can reach the port.
FROM python:3.11-slim-bookworm

# what OpenCV's library needs beside Python
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /src
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY . .
RUN pip install --no-cache-dir --no-deps . && rm -rf /src/*

RUN useradd --create-home interp && mkdir /runs && chown interp /runs
USER interp
WORKDIR /home/interp
VOLUME /runs
EXPOSE 8501
ENV CUDA_VISIBLE_DEVICES=""
HEALTHCHECK CMD python -c "import urllib.request as r; r.urlopen('http://localhost:8501/_stcore/health')"
ENTRYPOINT ["interp"]
CMD ["dashboard", "--host", "0.0.0.0", "--no-browser", "--runs", "/runs"]
